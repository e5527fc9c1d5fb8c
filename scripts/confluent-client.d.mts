export declare const confluentClient: string | null
