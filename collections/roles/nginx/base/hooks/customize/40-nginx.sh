# No welcome page; the certificate is made at the first start.
remove etc/nginx/sites-enabled/default
printf '%s\n' "$OPT_NGINX_CERTIFICATE_SUBJECT" | write_file etc/nginx/ssl/self-signed.subject 0600
printf '%s\n' "$OPT_NGINX_CERTIFICATE_DAYS" | write_file etc/nginx/ssl/self-signed.days 0600
