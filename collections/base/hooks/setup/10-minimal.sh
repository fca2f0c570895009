# Tell dpkg which files to leave out, now and on the machine. The last rule that matches a file decides, and `*`
# matches slashes too (dpkg(1), --path-exclude).
$OPT_ROOTFS_MINIMAL || exit 0

rules() {
  printf '# Written by imgbuild: a minimal root file system.\n'
  $OPT_ROOTFS_MINIMAL_SHARE || return 0
  printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/info/*' '/usr/share/omf/*' '/usr/share/help/*' \
    '/usr/share/gnome/help/*' '/usr/share/man/*' '/usr/share/locale/*'
  printf 'path-include=%s\n' '/usr/share/doc/*/copyright' '/usr/share/doc/*/changelog.Debian.*' \
    '/usr/share/locale/locale.alias'
  if $OPT_MAN_ENABLE; then
    printf 'path-include=%s\n' '/usr/share/man/man[1-9]/*'
  fi
  # Messages in the languages of the locales: sr_RS.UTF-8@latin looks in sr_RS and in sr, with and without modifier.
  printf '%s\n' "$OPT_LOCALE_DEFAULT" "$OPT_LOCALE_GENERATE" | while read -r locale _; do
    name=${locale%%[.@]*}
    case $locale in
      '' | C | C.* | POSIX) continue ;;
      *@*) printf 'path-include=/usr/share/locale/%s/*\n' "$name@${locale#*@}" "${name%_*}@${locale#*@}" ;;
      *) ;;
    esac
    printf 'path-include=/usr/share/locale/%s/*\n' "$name" "${name%_*}"
  done
}

rules | write_file etc/dpkg/dpkg.cfg.d/99minimal
