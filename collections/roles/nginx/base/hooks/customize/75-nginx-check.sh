# A server that refuses its configuration would not start: ask it now, with a certificate that it has at run time only. Late,
# so that the sites of other collections are seen, too.
ssl=$ROOT/etc/nginx/ssl
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=check -days 1 \
  -keyout "$ssl/server.key" -out "$ssl/server.crt" 2>/dev/null
good=yes
# It ends by taking its ports, which a builder without privileges may not (nginx 1.22); by then it has read everything.
in_target nginx -t 2>"$SCRATCH/nginx" || grep -q 'syntax is ok' "$SCRATCH/nginx" || good=
# Checking makes empty logs, for www-data.
rm -f "$ssl/server.key" "$ssl/server.crt" "$ROOT/var/log/nginx/access.log" "$ROOT/var/log/nginx/error.log" "$ROOT/run/nginx.pid"
[ -n "$good" ] || die "nginx refuses its configuration: $(cat "$SCRATCH/nginx")"
