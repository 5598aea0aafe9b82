/** Why the page has nothing to show at all, told from how its request was answered. Pure. */

/** An answer that is not 2xx. */
export class AnswerError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'AnswerError'
    this.status = status
  }
}

/**
 * What stands between the reader and the list.
 *
 * | answer to the list | barrier      | what to do                              |
 * |--------------------|--------------|-----------------------------------------|
 * | 401                | sign-in      | open the link of `azds viewer` again    |
 * | 403                | choose-space | choose a space that one may read        |
 * | 404                | no-data      | run `azds viewer`: here is only the page |
 * | any other          | none         | it is tried again                       |
 */
export interface Barrier {
  kind: 'sign-in' | 'choose-space' | 'no-data'
  message: string
}

const KIND: Record<number, Barrier['kind']> = {
  401: 'sign-in',
  403: 'choose-space',
  404: 'no-data',
}

export function barrierOf(error: unknown): Barrier | null {
  const kind = error instanceof AnswerError ? KIND[error.status] : undefined
  return kind ? { kind, message: (error as AnswerError).message } : null
}
