/**
 * How the directory lock changes hands. Sockets are made under names that nobody else uses, shown, and only then compared; so nobody ever
 * deletes a socket that may be alive, and no step needs a guard that could itself go stale.
 *
 *   1. listen on `.ottla.lock.<id>.new`         not yet looked at by anyone
 *   2. rename it to `.ottla.lock.<id>.sock`     shown: from here on every other contender sees it alive
 *   3. look at all that is shown                the owner alive: refused. A rival with a lower id alive: step back (close, delete) and start
 *                                               over. One with a higher id: it steps back, look again. Dead contenders are deleted
 *   4. rename it to `.ottla.lock.sock`          commit point: this process is the owner
 *
 * Why there is never more than one owner: of two contenders that got past step 3, the one that was shown later looked after the other was
 * shown, and saw it alive, under its id or under the owner's name (which is looked at last, because a rival may be renamed to it while the
 * directory is read). Why a dead socket may be deleted: its id is never used again and the dead do not come back; the owner's name, which
 * is used again, is only ever renamed over. Why somebody wins: the lowest id never steps back.
 *
 * Pure but for the door it is given. A death between any two steps leaves a dead socket, which stops nobody.
 */
import { OttlaError } from '../common/errors.ts'
import type { LockOwner, LockSocket, Probe } from './directory-lock-socket.ts'

export const LOCK_NAME = '.ottla.lock.sock'
const SHOWN = /^\.ottla\.lock\.[0-9a-f]{12}\.sock$/
const NOT_SHOWN = /^\.ottla\.lock\.[0-9a-f]{12}\.new$/
/** Far longer than a living contender stays between steps 1 and 2; should it wake up after all, step 2 fails and it starts over. */
const STRAY_AGE_MS = 60_000

/** The directory, as the contest sees it. Names are plain names in it. */
export interface LockDoor {
  names(): string[]
  listen(name: string): Promise<LockSocket>
  probe(name: string): Promise<Probe>
  /** Replaces what is at `to`. */
  rename(from: string, to: string): void
  /** No error when it is missing. */
  unlink(name: string): void
  ageMs(name: string): number
  /** Twelve hexadecimal digits that nobody ever had. */
  newId(): string
  pause(): Promise<void>
  /** Whether this has taken too long. */
  expired(): boolean
  /** The error that refuses this process. */
  locked(owner: LockOwner | null): OttlaError
}

interface Contender { readonly name: string; readonly socket: LockSocket }
interface Rival { readonly name: string; readonly owner: LockOwner | null }

/** Resolves when this process owns the directory; rejects with `door.locked(…)` when another does. */
export async function contend(door: LockDoor): Promise<LockSocket> {
  for (;;) {
    const present = await door.probe(LOCK_NAME)
    if (present.state === 'alive') throw door.locked(present.owner)
    const contender = await enter(door)
    if (contender !== null && await prevail(door, contender)) return contender.socket
    if (door.expired()) throw door.locked(null)
    await door.pause()
  }
}

/** Steps 1 and 2. Null when the socket was taken for a stray before it was shown. */
async function enter(door: LockDoor): Promise<Contender | null> {
  const id = door.newId()
  const hidden = `.ottla.lock.${id}.new`
  const name = `.ottla.lock.${id}.sock`
  const socket = await door.listen(hidden)
  try {
    door.rename(hidden, name)
    return { name, socket }
  } catch (error) {
    await socket.close()
    if (door.names().includes(hidden)) throw error
    return null
  }
}

/** Steps 3 and 4. False when a rival with a lower id goes first. */
async function prevail(door: LockDoor, contender: Contender): Promise<boolean> {
  let won = false
  try {
    for (;;) {
      const rival = await firstRival(door, contender.name)
      if (rival === null) break
      if (rival.name < contender.name) return false
      if (door.expired()) throw door.locked(rival.owner)
      await door.pause()
    }
    removeStrays(door)
    door.rename(contender.name, LOCK_NAME)
    won = true
    return true
  } finally {
    if (!won) await withdraw(door, contender)
  }
}

/** The living contender with the lowest id. One that vanishes meanwhile has stepped back or become the owner, whose name comes last. */
async function firstRival(door: LockDoor, ownName: string): Promise<Rival | null> {
  let first: Rival | null = null
  for (const name of door.names().sort()) {
    if (!SHOWN.test(name) || name === ownName) continue
    const found = await door.probe(name)
    if (found.state === 'alive') first ??= { name, owner: found.owner }
    if (found.state === 'dead') door.unlink(name)
  }
  const present = await door.probe(LOCK_NAME)
  if (present.state === 'alive') throw door.locked(present.owner)
  return first
}

async function withdraw(door: LockDoor, contender: Contender): Promise<void> {
  door.unlink(contender.name)
  await contender.socket.close()
}

function removeStrays(door: LockDoor): void {
  for (const name of door.names()) if (NOT_SHOWN.test(name) && door.ageMs(name) > STRAY_AGE_MS) door.unlink(name)
}
