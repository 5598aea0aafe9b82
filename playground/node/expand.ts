/** `$(NAME)` in commands, arguments and variables, as Kubernetes expands it. */

/**
 * Replaces each `$(NAME)` whose variable is known. `$$(NAME)` gives the text `$(NAME)`; a reference to an
 * unknown variable, and any other `$`, stays as it is.
 */
export function expand(text: string, variables: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (reference, name: string | undefined) => {
    if (reference === '$$') return '$'
    return variables.get(name ?? '') ?? reference
  })
}
