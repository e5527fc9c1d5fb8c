/** Every command of `ottla`, in the order of its help. */
import type { Command } from './command.ts'
import { acls } from './commands/acls.ts'
import { configs } from './commands/configs.ts'
import { consume } from './commands/consume.ts'
import { deleteRecords } from './commands/delete-records.ts'
import { dumpLogCommand } from './commands/dump-log.ts'
import { getOffsets } from './commands/get-offsets.ts'
import { groups } from './commands/groups.ts'
import { logDirs } from './commands/log-dirs.ts'
import { perfConsume } from './commands/perf-consume.ts'
import { perfProduce } from './commands/perf-produce.ts'
import { produce } from './commands/produce.ts'
import { serve } from './commands/serve.ts'
import { topics } from './commands/topics.ts'
import { users } from './commands/users.ts'
import { verify } from './commands/verify.ts'

export const commands: readonly Command[] = [
  topics, configs, produce, consume, groups, getOffsets, deleteRecords, logDirs, dumpLogCommand, verify, perfProduce, perfConsume, serve, users, acls,
]
