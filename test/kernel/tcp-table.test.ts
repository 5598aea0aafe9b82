import { expect, test } from '@jest/globals'
import { parseTcpTable } from './tcp-table.ts'

test('the kernel’s table is read: state, ports, and whether a process still has the socket', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41 1
   1: 0700F40A:8E2A 0100600A:0050 01 00000000:00000000 00:00000000 00000000  1337        0 43 1
   2: 0700F40A:8E2B 0100600A:0050 05 00000000:00000000 03:00000F3B 00000000     0        0 0 3
   3: 0700F40A:8E2C 0100600A:0050 08 00000000:00000000 00:00000000 00000000  1337        0 44 1
`
  expect(parseTcpTable(table)).toEqual([
    { state: 'LISTEN', localPort: 8080, remotePort: 0, uid: 1000, owned: true },
    { state: 'ESTABLISHED', localPort: 36394, remotePort: 80, uid: 1337, owned: true },
    { state: 'FIN_WAIT2', localPort: 36395, remotePort: 80, uid: 0, owned: false },
    { state: 'CLOSE_WAIT', localPort: 36396, remotePort: 80, uid: 1337, owned: true },
  ])
  expect(parseTcpTable('')).toEqual([])
})
