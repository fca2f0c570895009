# The system's locale; LANG in a form that every session reads.
case $OPT_LOCALE_DEFAULT in
  C | POSIX | C.UTF-8) ;;
  *)
    # libc-bin alone has no locales to offer: then a wrong LANG would only make every program complain.
    if ! [ -x "$ROOT/usr/sbin/locale-gen" ]; then
      warn "the image has no package locales, so its locale is C.UTF-8 and not $OPT_LOCALE_DEFAULT"
      OPT_LOCALE_DEFAULT=C.UTF-8
    else
      # locale -a writes en_US.utf8 for en_US.UTF-8.
      want=$(printf '%s\n' "$OPT_LOCALE_DEFAULT" | tr '[:upper:]' '[:lower:]' | tr -d '-')
      in_target locale -a | tr '[:upper:]' '[:lower:]' | tr -d '-' | grep -xF -e "$want" >/dev/null ||
        die "locale $OPT_LOCALE_DEFAULT was not generated: is it listed in /usr/share/i18n/SUPPORTED? Without a charset" \
          "in its name, add it to locale.generate together with one (sr_RS@latin UTF-8)"
    fi
    ;;
esac

# Since trixie /etc/default/locale is a link to /etc/locale.conf.
file=etc/default/locale
if [ -L "$ROOT/$file" ] && [ "$(readlink "$ROOT/$file")" = ../locale.conf ]; then file=etc/locale.conf; fi
printf 'LANG=%s\n' "$OPT_LOCALE_DEFAULT" | write_file "$file"
