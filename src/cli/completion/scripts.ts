/**
 * What a shell loads so that it can complete `iocage`: short fixed texts that ask `iocage __complete`
 * for the candidates. See bash(1) "Programmable Completion", zshcompwid(1), fish-complete(1).
 */
const bash = `# Completion of iocage for bash: source <(iocage completion bash)
_iocage() {
  local line=\${COMP_LINE:0:COMP_POINT} words=() word prefix=
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  word=\${words[\${#words[@]} - 1]}
  mapfile -t COMPREPLY < <(command "\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  # bash replaces only what stands behind the last of its word breaks.
  local tail=\${word##*[=:@]}
  [[ $tail != "$word" && $COMP_WORDBREAKS == *"\${word:\${#word} - \${#tail} - 1:1}"* ]] && prefix=\${word%"$tail"}
  COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[=@] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _iocage iocage
`;

const zsh = `#compdef iocage
# Completion of iocage for zsh: iocage completion zsh > DIRECTORY_OF_FPATH/_iocage
_iocage() {
  local -a replies
  replies=("\${(@f)$(command $words[1] __complete "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}")
  compadd -S '' -- \${(M)replies:#*[=@]}
  compadd -- \${replies:#(*[=@]|)}
}
if [[ \${funcstack[1]} == _iocage ]]; then _iocage "$@"; else compdef _iocage iocage; fi
`;

const fish = `# Completion of iocage for fish: iocage completion fish > ~/.config/fish/completions/iocage.fish
function __iocage_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    test (count $current) -eq 0; and set current ''
    command $words[1] __complete $words[2..-1] $current[1] 2>/dev/null
end
complete -c iocage -f -a '(__iocage_complete)'
`;

export const completionScripts: Readonly<Record<string, string>> = { bash, zsh, fish };
