# The site of nginx.role, and what sends those who come without TLS to it.
case $OPT_NGINX_ROLE in
  none) exit 0 ;;
  static) make_dir var/www/static ;;
  *) ;;
esac
target=$OPT_NGINX_PROXY_PASS
case $target in *[!0-9]*) ;; *) target=http://127.0.0.1:$target ;; esac

{
  cat <<END
# Written by imgbuild.
server {
  listen 80 default_server;
  listen [::]:80 default_server;
  server_name $OPT_NGINX_SERVER_NAME;
  include snippets/no-log.conf;
  return 301 https://\$host\$request_uri;
}

server {
  listen 443 ssl default_server;
  listen [::]:443 ssl default_server;
  server_name $OPT_NGINX_SERVER_NAME;
  include snippets/tls.conf;
  include snippets/security-headers.conf;
END
  if [ "$OPT_NGINX_ROLE" = static ]; then
    cat <<'END'
  include snippets/methods-static.conf;
  root /var/www/static;
END
  else
    cat <<END
  include snippets/methods-api.conf;
  root /var/www/empty;
  client_header_buffer_size 16k;
  large_client_header_buffers 4 128k;
  client_body_buffer_size 128k;
  client_max_body_size 0;

  location / {
    include snippets/proxy-headers.conf;
    proxy_buffering off;
    proxy_pass $target;
  }
END
  fi
  printf '}\n'
} | write_file "etc/nginx/sites-available/$OPT_NGINX_ROLE"
ln -sfnT "../sites-available/$OPT_NGINX_ROLE" "$ROOT/etc/nginx/sites-enabled/$OPT_NGINX_ROLE"
