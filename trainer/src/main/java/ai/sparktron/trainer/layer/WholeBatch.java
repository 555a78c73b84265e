package ai.sparktron.trainer.layer;

/**
 * What routers are told of a whole micro-batch, of which this rank may hold a part; padding at its end is left out everywhere.
 *
 * @param tokens         of the micro-batch; 0 where nothing is trained, since such micro-batches are left out where they can be
 * @param ownTokens      of those that are dealt to this rank, which come before its padding
 * @param documentTokens [S] of each document
 * @param lossFactor     of the loss of the micro-batch's mean token: what is added to the loss for a micro-batch as a whole is multiplied by it
 */
record WholeBatch(int tokens, int ownTokens, int[] documentTokens, float lossFactor) {

    /**
     * @param held places of this rank's tokens in the micro-batch, ascending
     */
    static WholeBatch of(HostTokens whole, int[] held, float lossScale) {
        int trained = whole.trainedTokens();
        int tokens = trained == 0 ? 0 : whole.realTokens();
        int own = 0;
        while (own < held.length && held[own] < tokens) {
            own++;
        }
        int[] documents = new int[tokens == 0 ? 0 : whole.documents()[tokens - 1] + 1];
        for (int t = 0; t < tokens; t++) {
            documents[whole.documents()[t]]++;
        }
        return new WholeBatch(tokens, own, documents, lossScale * trained);
    }
}
