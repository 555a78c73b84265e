package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import java.nio.ByteBuffer;

/** Sums of a few numbers of the host over ranks, in their order; no device is waited for. */
final class RankSums {

    private RankSums() {
    }

    /** All ranks of the group call it with as many numbers. */
    static double[] of(Communicator ranks, double... own) {
        if (ranks.size() == 1) {
            return own.clone();
        }
        ByteBuffer bytes = ByteBuffer.allocate(own.length * Double.BYTES);
        bytes.asDoubleBuffer().put(own);
        double[] sums = new double[own.length];
        for (byte[] numbers : ranks.allGather(bytes.array())) {
            for (int i = 0; i < sums.length; i++) {
                sums[i] += ByteBuffer.wrap(numbers).getDouble(i * Double.BYTES);
            }
        }
        return sums;
    }
}
