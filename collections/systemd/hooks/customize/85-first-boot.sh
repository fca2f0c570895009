# Nothing is left to be done at the first boot: the packages have made their users and caches (ld.so.cache, the journal's
# message catalog). With these files not older than /usr, systemd does not do it all over again (ConditionNeedsUpdate=).
for file in etc/.updated var/.updated; do
  write_file "$file" </dev/null
done
