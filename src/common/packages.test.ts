import { describe, expect, test } from 'vitest'
import { codeLocation, packageProblem, packages } from './packages.ts'

describe('packages are looked for', () => {
  test('where this code stands, by its address', () => {
    expect(codeLocation('file:///app/bundle.mjs', '/app/bundle.cjs')).toBe('file:///app/bundle.mjs')
    expect(packages().resolve('lmdb')).toContain('node_modules')
    expect(packages()).toBe(packages())
  })

  test('where the file stands, when a bundler wrote CommonJS and left import.meta empty', () => {
    expect(codeLocation(undefined, '/app/bundle.cjs')).toBe('/app/bundle.cjs')
  })

  test('in the working directory, when the code is in no file', () => {
    expect(codeLocation(undefined, undefined)).toBe(`${process.cwd()}/`)
  })
})

describe('a package that cannot be loaded is told by its name, the first cause, and what to do', () => {
  test('where it is not there: to install it, and that it is in no bundle', () => {
    let cause: unknown
    try { packages()('no-such-package') } catch (error) { cause = error }
    expect(packageProblem('no-such-package', cause))
      .toMatch(/^package no-such-package could not be loaded \(Cannot find module 'no-such-package'\): install the dependencies again; .* leaves ottla out of the bundle/)
  })

  test('where it is there and does not run: what that comes of', () => {
    const cause = new Error('native advice', { cause: new Error('Code generation from strings disallowed\nmore') })
    expect(packageProblem('lmdb', cause)).toMatch(/^package lmdb could not be loaded \(Code generation from strings disallowed\): its binary was left out \(`--omit=optional`.*flag of Node/)
  })
})
