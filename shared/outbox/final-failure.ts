/** Ends a delivery that no further attempt could make succeed: the message is dead at once, and says why. */
export class FinalFailure extends Error {
  override readonly name = 'FinalFailure'
}
