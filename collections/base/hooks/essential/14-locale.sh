# Answers for the package locales, which generates them when it is installed.

# entry LOCALE [CHARSET]: as in /usr/share/i18n/SUPPORTED; one without a charset is not ours to guess.
entry() {
  case $1 in
    '' | C | POSIX | C.UTF-8) return 0 ;;
    *.*) charset=${1#*.} charset=${2:-${charset%@*}} ;;
    *) charset=${2-} ;;
  esac
  [ -z "$charset" ] || printf '%s %s\n' "$1" "$charset"
}

list=$(
  printf '%s\n' "$OPT_LOCALE_DEFAULT" "$OPT_LOCALE_GENERATE" | while read -r locale charset; do
    entry "$locale" "$charset"
  done | sort -u | paste -sd, | sed 's/,/, /g'
)
debconf_set <<END
locales locales/locales_to_be_generated multiselect $list
locales locales/default_environment_locale select $OPT_LOCALE_DEFAULT
END
