/**
 * @confluentinc/kafka-javascript (librdkafka) for `test/wire/confluent.test.ts`. Its binary is not in its npm package and its install script fetches one from elsewhere, so it is
 * compiled here from the sources in the package, without optimization: half a minute. It lives in node_modules/.cache, apart from what `npm ci` brings, which needs no compiler.
 *
 * `node scripts/confluent-client.mjs` builds it if it is not there, and says SKIPPED with the reason where it cannot: g++, make, Node's headers and those of
 * OpenSSL, zlib and zstd are needed.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const NAME = '@confluentinc/kafka-javascript'
const VERSION = '1.10.1'
const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const folder = join(root, 'node_modules/.cache', `confluent-kafka-${VERSION}-${process.versions.modules}`)
const installed = join(folder, 'node_modules', NAME)
const done = join(folder, 'complete')

/** Where to require the client from; null when it has not been built. */
export const confluentClient = existsSync(done) ? installed : null

function run(command, args, cwd) {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 })
  } catch (error) {
    const said = String(error.stderr ?? '').trim().split('\n').filter((line) => /error|fatal|not found/i.test(line))
    throw new Error(`${command} ${args[0]}: ${error.code ?? said[0] ?? error.message}`, { cause: error })
  }
}

function nodeHeaders() {
  const places = [process.env['npm_config_nodedir'], dirname(dirname(realpathSync(process.execPath)))].filter(Boolean).map((place) => join(place, 'include/node'))
  const found = places.find((place) => existsSync(join(place, 'node.h')))
  if (found === undefined) throw new Error(`node.h is not in ${places.join(' or ')}`)
  return found
}

function build() {
  const headers = nodeHeaders()
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: { [NAME]: VERSION } }))
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], folder)
  const sources = join(installed, 'deps/librdkafka')
  const jobs = `-j${availableParallelism()}`
  run('bash', ['./configure', '--disable-gssapi', '--disable-curl', '--disable-lz4-ext', '--disable-optimization', '--disable-debug-symbols', '--enable-ssl', '--enable-zstd'], sources)
  run('make', [jobs, 'libs'], sources)
  const target = join(installed, 'build/Release')
  mkdirSync(target, { recursive: true })
  const units = readdirSync(join(installed, 'src')).filter((file) => file.endsWith('.cc')).map((file) => file.slice(0, -3))
  const includes = [headers, join(folder, 'node_modules/nan'), '.', 'deps/librdkafka/src', 'deps/librdkafka/src-cpp'].map((place) => `-I${place}`)
  const flags = ['-O0', '-w', '-fPIC', '-std=c++20', '-DNODE_GYP_MODULE_NAME=confluent-kafka-javascript', '-DBUILDING_NODE_EXTENSION', ...includes]
  writeFileSync(join(installed, 'build/units.mk'), `all: ${units.map((unit) => `build/${unit}.o`).join(' ')}\nbuild/%.o: src/%.cc\n\tg++ -c ${flags.join(' ')} -o $@ $<\n`)
  run('make', [jobs, '-f', 'build/units.mk'], installed)
  const libraries = ['deps/librdkafka/src-cpp/librdkafka++.a', 'deps/librdkafka/src/librdkafka.a', '-lssl', '-lcrypto', '-lz', '-lzstd', '-lpthread', '-ldl']
  run('g++', ['-shared', '-o', join(target, 'confluent-kafka-javascript.node'), ...units.map((unit) => `build/${unit}.o`), ...libraries], installed)
  run(process.execPath, ['-e', `require(${JSON.stringify(installed)})`], folder)
  writeFileSync(done, '')
}

if (process.argv[1] === fileURLToPath(import.meta.url) && confluentClient === null) {
  try {
    console.log(`compiling ${NAME} ${VERSION} …`)
    build()
  } catch (error) {
    console.log(`SKIPPED: ${NAME} could not be built, so the suite with it tests nothing (${error.message})`)
    process.exitCode = 1
  }
}
