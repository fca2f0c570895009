# The unit of the certificate comes with nginx's.
enable_unit nginx-certificate
if $OPT_NGINX_AUTOSTART; then enable_unit nginx; else disable_unit nginx; fi
