/** How the steps of a long command read: a mark, a title in a column, what was done. */
import { type Paint, painter, printable } from '../output.ts'
import type { World } from '../world.ts'

/** Width of the column of titles: `azds-controller` and `left to you` fit. */
const WIDTH = 16

export interface Steps {
  head(text: string): void
  done(title: string, what: string): void
  warn(title: string, what: string): void
  /** What is going to happen. */
  plan(title: string, what: string): void
  next(lines: readonly (readonly [command: string, does: string])[]): void
}

export function steps(world: Pick<World, 'out' | 'colour'>): Steps {
  const paint: Paint = painter(world.colour)
  const line = (mark: string, title: string, what: string) =>
    world.out(`${mark} ${title.padEnd(WIDTH)} ${printable(what)}\n`)
  return {
    head: (text) => world.out(`${paint('bold', text)}\n\n`),
    done: (title, what) => line(paint('green', '√'), title, what),
    plan: (title, what) => line(paint('dim', '-'), title, what),
    warn: (title, what) => line(paint('yellow', '‼'), title, what),
    next: (lines) => {
      const width = Math.max(...lines.map(([command]) => command.length))
      const rows = lines.map(
        ([command, does]) => `  ${paint('cyan', command.padEnd(width))}  ${does}\n`,
      )
      world.out(`\nNext:\n${rows.join('')}`)
    },
  }
}
