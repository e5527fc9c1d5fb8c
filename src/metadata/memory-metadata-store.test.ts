import { metadataStoreContract } from '../testing/contracts/metadata-store-contract.ts'
import { MemoryMetadataStore } from './memory-metadata-store.ts'

metadataStoreContract('the memory store', async () => new MemoryMetadataStore())
