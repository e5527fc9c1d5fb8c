/** Counters since the database was opened. Plain fields, raised by the handlers. */
export class BrokerMetrics {
  produceRequests = 0
  producedBatches = 0
  /** Offsets that were given: those of a duplicate are not counted again. */
  producedRecords = 0
  producedBytes = 0
  failedBatches = 0
  fetchRequests = 0
  fetchedBytes = 0
  failedFetches = 0
}
