/** File systems of our own on loop devices, and the calls that Node has not: FS_IOC_SHUTDOWN and sync_file_range, by a small Python process. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'

const HELPER = `
import ctypes, fcntl, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
for line in sys.stdin:
    verb, path, *rest = line.rstrip('\\n').split('\\t')
    try:
        fd = os.open(path, os.O_RDONLY if verb == 'cut' else os.O_RDWR)
        try:
            if verb == 'cut': fcntl.ioctl(fd, 0x8004587D, struct.pack('I', int(rest[0])))
            else:
                for page in rest: libc.sync_file_range(fd, ctypes.c_long(int(page) * 4096), ctypes.c_long(4096), 7)
        finally: os.close(fd)
        print('ok', flush=True)
    except OSError as error: print('error %s' % error, flush=True)
`

const mounted = new Set()
const folders = new Set()
function cleanUp() {
  for (const target of [...mounted].reverse()) spawnSync('umount', ['-l', target])
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
process.on('exit', cleanUp)

/** Runs a command; throws with what it said when it fails. */
export function must(command, ...args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}

/** A folder that goes when the process ends, in memory where that is possible. */
export function scratchFolder(name) {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `ottla-${name}-`))
  folders.add(folder)
  return folder
}

export function mount(source, target, ...options) {
  must('mount', ...options, source, target)
  mounted.add(target)
}

export function unmount(target) {
  must('umount', target)
  mounted.delete(target)
}

/** Null when loop mounts work here, else why not. */
export function missing(commands) {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux'
  for (const command of commands) if (spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0) return `no ${command}`
  const folder = scratchFolder('probe')
  try {
    must('truncate', '-s', '8M', join(folder, 'image'))
    must('mkfs.ext4', '-q', join(folder, 'image'))
    must('mkdir', join(folder, 'mnt'))
    mount(join(folder, 'image'), join(folder, 'mnt'), '-o', 'loop')
    unmount(join(folder, 'mnt'))
    return null
  } catch (error) {
    return `no loop device (${error.message.slice(0, 120)})`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The Python process; one call at a time. */
export class KernelCalls {
  #process = spawn('python3', ['-u', '-c', HELPER], { stdio: ['pipe', 'pipe', 'inherit'] })
  #answer = null

  constructor() {
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#answer?.(line))
  }

  /** @param {string} mountPoint @param {number} flag 0: freeze and write all, 1: write the journal, 2: nothing @returns {Promise<string>} */
  cut(mountPoint, flag) { return this.#call('cut', mountPoint, String(flag)) }

  /** Writes these pages of a file back to the device, and no others. */
  writeBack(path, pages) { return this.#call('sync', path, ...pages.map(String)) }

  #call(...words) {
    return new Promise((resolve) => {
      this.#answer = resolve
      this.#process.stdin.write(`${words.join('\t')}\n`)
    })
  }

  close() { this.#process.kill() }
}
