/** Stub of signatures; filled in at once. Texts as `kafka-dump-log --offsets-decoder` / `--transaction-log-decoder` prints them. */
export interface RecordTexts { readonly key: string; readonly payload: string }
/** Null when key or value cannot be decoded (then the tool prints raw bytes); `payload` is `<DELETE>` for a null value. */
export function offsetsRecordTexts(_key: Uint8Array | null, _value: Uint8Array | null): RecordTexts | null { throw new Error('not yet') }
export function transactionRecordTexts(_key: Uint8Array | null, _value: Uint8Array | null): RecordTexts | null { throw new Error('not yet') }
