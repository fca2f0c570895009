/**
 * A script that first reads secrets from standard input, one `NAME BASE64` a line, into files of a tmpfs that only its
 * own mount namespace has; hooks find them by $SECRETS. They are never on a disk, in an argument or in the environment.
 */
export function withSecrets(script: string): string {
  return `
export SECRETS=/run/imgbuild-secrets
mkdir -p "$SECRETS"
mount -t tmpfs -o nosuid,nodev,noexec,mode=0700,size=1m secrets "$SECRETS"
while read -r name value; do
  (umask 077; printf %s "$value" | base64 -d > "$SECRETS/$name")
done
${script}
`;
}
