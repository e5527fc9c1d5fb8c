import { Writable } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { Terminal, type Streams } from './terminal.ts'

class Screen extends Writable {
  text = ''
  isTTY: boolean
  columns = 40
  /** Set: writes wait until it is called. */
  hold: (() => void)[] | null = null
  failWith: string | null = null

  constructor(isTTY: boolean) {
    super({ decodeStrings: false, highWaterMark: 1 })
    this.isTTY = isTTY
  }

  override _write(chunk: string | Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.failWith !== null) {
      done(Object.assign(new Error(this.failWith), { code: this.failWith }))
      return
    }
    this.text += chunk.toString()
    if (this.hold === null) done()
    else this.hold.push(() => done())
  }
}

function terminalOn(isTTY: boolean): { terminal: Terminal; out: Screen; error: Screen } {
  const out = new Screen(isTTY)
  const error = new Screen(isTTY)
  return { terminal: new Terminal({ out, error } as unknown as Streams), out, error }
}

describe('output', () => {
  test('is gathered, and written in order, text and bytes', async () => {
    const { terminal, out } = terminalOn(false)
    void terminal.write('a')
    void terminal.write(Buffer.from([0x62]))
    void terminal.line('c')
    expect(out.text).toBe('')
    await terminal.flush()
    expect(out.text).toBe('abc\n')
  })

  test('waits for a slow reader once much is gathered', async () => {
    const { terminal, out } = terminalOn(false)
    out.hold = []
    let waited = false
    const room = terminal.write('x'.repeat(70_000))!.then(() => { waited = true })
    await new Promise((resolve) => { setImmediate(resolve) })
    expect(waited).toBe(false)
    out.hold[0]!()
    await room
    expect(terminal.write('y')).toBeUndefined()
  })

  test('to a reader who has gone is dropped, and fires the signal', async () => {
    const { terminal, out } = terminalOn(false)
    out.failWith = 'EPIPE'
    await terminal.write('x'.repeat(70_000))
    await vi.waitFor(() => { expect(terminal.readerGone).toBe(true) }, 10_000)
    expect(terminal.signal.aborted).toBe(true)
    expect(terminal.write('y'.repeat(70_000))).toBeUndefined()
    await terminal.flush()
  })
})

describe('progress', () => {
  test('is a line that gives way to everything else, on a terminal', () => {
    vi.stubEnv('CI', undefined)
    const { terminal, error } = terminalOn(true)
    terminal.progress(() => 'half of a line that is much too long for this narrow screen')
    expect(error.text).toBe('\r\x1b[Khalf of a line that is much too long fo')
    terminal.note('told')
    expect(error.text.endsWith('\r\x1b[Ktold\n')).toBe(true)
    terminal.endProgress()
    expect(error.text.endsWith('told\n')).toBe(true)
    vi.unstubAllEnvs()
  })

  test('is not drawn where nobody looks', () => {
    const { terminal, error } = terminalOn(false)
    terminal.progress(() => 'half')
    terminal.note(terminal.style('red', 'told'))
    expect(error.text).toBe('told\n')
  })

  test('and colours are left out when they are not wanted', () => {
    vi.stubEnv('NO_COLOR', '1')
    expect(terminalOn(true).terminal.style('red', 'x')).toBe('x')
    vi.stubEnv('NO_COLOR', undefined)
    expect(terminalOn(true).terminal.style('red', 'x')).toContain('\x1b[31m')
    vi.unstubAllEnvs()
  })
})
