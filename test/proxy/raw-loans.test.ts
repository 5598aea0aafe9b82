import { expect, test } from '@jest/globals'
import { type Borrower, type Loan, Loans } from '../../proxy/raw-loans.ts'

const borrower = (): Borrower => ({ bytesRead: 0, releaseIdle: () => true })

test('16 MiB are lent, large buffers first, no buffer to two, and then no more', () => {
  const loans = new Loans()
  const lent: { to: Borrower; loan: Loan }[] = []
  for (;;) {
    const to = borrower()
    const loan = loans.lend(to)
    if (loan === null) break
    lent.push({ to, loan })
  }
  const sizes = lent.map(({ loan }) => loan.buffer.length)
  expect(sizes.reduce((a, b) => a + b)).toBe(16 * 1_048_576)
  expect([sizes[0], sizes.at(-1)]).toEqual([1_048_576, 262_144])
  expect(new Set(lent.map(({ loan }) => loan.buffer)).size).toBe(lent.length)

  const [first, second] = lent as [(typeof lent)[0], (typeof lent)[0]]
  loans.end(first.to, first.loan, false)
  expect(loans.lend(borrower())?.buffer).toBe(first.loan.buffer)
  loans.end(second.to, second.loan, true)
  expect(loans.lend(borrower())?.buffer).not.toBe(second.loan.buffer)
})

test('a loan is over when little comes for a while, not after one short read', () => {
  const loan = new Loans().lend(borrower()) as Loan
  const reads = [100, 50_000, ...Array<number>(16).fill(100)]
  expect(reads.map((count) => loan.isOver(count)).indexOf(true)).toBe(reads.length - 1)
})

test('who fills the buffer again and again lets others read after 2 MiB', () => {
  const loan = new Loans().lend(borrower()) as Loan
  const full = loan.buffer.length
  const reads = [full, full, full, 10, full, full]
  expect(reads.map((count) => loan.hasHadEnough(count))).toEqual([
    false,
    true,
    false,
    false,
    false,
    true,
  ])
})
