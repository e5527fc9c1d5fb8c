#!/usr/bin/env node
/** What `ottla` starts with: from the second start on, its code is compiled already. */
import { reuseCompiledCode } from './compiled-code.ts'

// Outside the compiled package, where files are ES modules, there is no name. Versions of Node that lack what it takes are told so by the program.
if (typeof __filename === 'string' && 'getBuiltinModule' in process) reuseCompiledCode(__filename, process.argv[2] === 'serve' ? 'serve' : 'commands')
void import('./program.ts').then(async ({ main }) => main())
