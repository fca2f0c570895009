import { Argument, type Command } from 'commander';
import { print } from './common.js';

/*
 * The scripts hand the words to the hidden verb __complete and offer what it answers, so that a shell knows
 * of every verb, option and profile without a copy of them. Its last line begins with a colon when the
 * shell shall also offer files or directories.
 */

const BASH = `# bash completion of imgbuild; try it with: source <(imgbuild completion bash)
_imgbuild() {
  local value rest
  COMPREPLY=()
  while IFS=$'\\t' read -r value rest; do
    case $value in
      :files) compopt -o default 2>/dev/null ;;
      :dirs) compopt -o dirnames 2>/dev/null ;;
      *=) compopt -o nospace 2>/dev/null; COMPREPLY+=("$value") ;;
      ?*) COMPREPLY+=("$value") ;;
    esac
  done < <("\${COMP_WORDS[0]}" __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _imgbuild imgbuild
`;

const ZSH = `#compdef imgbuild
# zsh completion of imgbuild; install as _imgbuild in a directory of $fpath, or: source <(imgbuild completion zsh)
_imgbuild() {
  local line value more=''
  local -a found values
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    value=\${line%%$'\\t'*}
    case $value in
      '') ;;
      :files) more=_files ;;
      :dirs) more='_files -/' ;;
      *) values+=("$value"); found+=("\${line/$'\\t'/ -- }") ;;
    esac
  done
  (( \${#values} )) && compadd -l -d found -a values
  [[ -n $more ]] && \${=more}
  return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _imgbuild "$@"; else compdef _imgbuild imgbuild; fi
`;

const FISH = `# fish completion of imgbuild; install in ~/.config/fish/completions/imgbuild.fish
function __imgbuild_complete
    set -l words (commandline -opc) (commandline -ct)
    $words[1] __complete -- $words[2..-1] 2>/dev/null | while read -l line
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':dirs'
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c imgbuild -f -a '(__imgbuild_complete)'
`;

const SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const;

/** `imgbuild completion SHELL`. */
export function register(program: Command): void {
  program
    .command('completion')
    .description('Prints the script that makes a shell complete verbs, options, profiles and the names of options.')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(imgbuild completion bash)                                  for this shell
  imgbuild completion bash > ~/.local/share/bash-completion/completions/imgbuild
  imgbuild completion zsh > "\${fpath[1]}/_imgbuild"
  imgbuild completion fish > ~/.config/fish/completions/imgbuild.fish`,
    )
    .action((shell: keyof typeof SCRIPTS) => {
      print(SCRIPTS[shell]);
    });
}
