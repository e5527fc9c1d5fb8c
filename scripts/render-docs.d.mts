/** Path → text of every generated file. */
export function renderAll(
  tables: Readonly<Record<string, unknown>>, tools: Readonly<Record<string, unknown>>, errorTable: unknown, protocol: Readonly<Record<string, unknown>>,
): Record<string, string>
