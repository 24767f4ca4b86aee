/** The one account of the local store. */
export interface Account {
  readonly accessKeyId: string
  readonly secretKey: string
  /** Demanded where there is one, as of temporary credentials. */
  readonly sessionToken?: string | undefined
  readonly region: string
}
