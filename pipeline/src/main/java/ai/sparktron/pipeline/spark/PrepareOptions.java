package ai.sparktron.pipeline.spark;

import ai.sparktron.packing.bin.Packing;
import java.util.List;
import java.util.Objects;

/**
 * Which rows are prepared and how they become shards. Names are those of the command line.
 *
 * @param dataset             specifications of the training data, see {@code DatasetSpec}
 * @param valDataset          specifications of the validation data; not together with {@code splitDatasetRatio}
 * @param splitDatasetRatio   part of each dataset that is kept for validation, in [0, 1)
 * @param datasetShuffle      whether training rows are drawn and ordered by {@code dataSeed}; false = as they stand
 * @param valDatasetShuffle   the same for validation rows
 * @param dataSeed            seed of every choice among rows
 * @param interleaveProb      probability of each dataset when they are mixed row by row; empty = one behind the other
 * @param stoppingStrategy    when mixing ends
 * @param strict              whether a bad row fails the run instead of being counted and kept in {@code bad-rows.jsonl}
 * @param packing             how samples are put into rows
 * @param maxLength           most tokens of a row and of a sample
 * @param shardBytes          JSON bytes that become one shard, about; a shard has at least 10,000 samples where that costs at most 16 times this
 * @param reuse               whether a directory with the same fingerprint is used as it is ({@code load_from_cache_file})
 */
public record PrepareOptions(List<String> dataset, List<String> valDataset, double splitDatasetRatio, boolean datasetShuffle,
                             boolean valDatasetShuffle, long dataSeed, List<Double> interleaveProb, StoppingStrategy stoppingStrategy,
                             boolean strict, Packing packing, int maxLength, long shardBytes, boolean reuse) {

    /** JSON bytes per shard, and per slice of a file, unless set. */
    public static final long DEFAULT_SHARD_BYTES = 32L << 20;

    public PrepareOptions {
        dataset = List.copyOf(dataset);
        valDataset = List.copyOf(valDataset);
        interleaveProb = List.copyOf(interleaveProb);
        Objects.requireNonNull(stoppingStrategy, "stoppingStrategy");
        Objects.requireNonNull(packing, "packing");
        if (!(splitDatasetRatio >= 0 && splitDatasetRatio < 1)) {
            throw new DatasetException("split_dataset_ratio " + splitDatasetRatio + ": expected at least 0 and less than 1");
        }
        if (!valDataset.isEmpty() && splitDatasetRatio > 0) {
            throw new DatasetException("split_dataset_ratio " + splitDatasetRatio + " and val_dataset " + valDataset
                    + ": validation rows come from one of them; set split_dataset_ratio 0, or leave val_dataset out");
        }
        if (maxLength < 1 || shardBytes < 1) {
            throw new DatasetException("max_length " + maxLength + ", shardBytes " + shardBytes + ": expected at least 1");
        }
        requireProbabilities(dataset, interleaveProb);
    }

    private static void requireProbabilities(List<String> dataset, List<Double> probabilities) {
        if (probabilities.isEmpty()) {
            return;
        }
        double sum = 0;
        for (double probability : probabilities) {
            if (!(probability > 0 && probability <= 1)) {
                throw new DatasetException("interleave_prob " + probabilities + ": expected numbers greater than 0 and at most 1");
            }
            sum += probability;
        }
        if (Math.abs(sum - 1) > 1e-6) {
            throw new DatasetException("interleave_prob " + probabilities + " adds up to " + sum + "; expected 1");
        }
        if (!dataset.isEmpty() && dataset.size() != probabilities.size()) {
            throw new DatasetException("interleave_prob has " + probabilities.size() + " values for " + dataset.size() + " datasets " + dataset
                    + "; expected one each");
        }
        if (probabilities.size() > 127) {
            throw new DatasetException("interleave_prob has " + probabilities.size() + " values; at most 127 datasets can be interleaved");
        }
    }

    /** The defaults of the command line for the given datasets and row length. */
    public static PrepareOptions of(List<String> dataset, int maxLength) {
        return builder(dataset, maxLength).build();
    }

    /** A builder that starts at the defaults of the command line. */
    public static Builder builder(List<String> dataset, int maxLength) {
        return new Builder(dataset, maxLength);
    }

    /** Sets what differs from the defaults. */
    public static final class Builder {
        private final List<String> dataset;
        private final int maxLength;
        private List<String> valDataset = List.of();
        private double splitDatasetRatio;
        private boolean datasetShuffle = true;
        private boolean valDatasetShuffle;
        private long dataSeed = 42;
        private List<Double> interleaveProb = List.of();
        private StoppingStrategy stoppingStrategy = StoppingStrategy.FIRST_EXHAUSTED;
        private boolean strict;
        private Packing packing = Packing.BEST_FIT;
        private long shardBytes = DEFAULT_SHARD_BYTES;
        private boolean reuse = true;

        private Builder(List<String> dataset, int maxLength) {
            this.dataset = dataset;
            this.maxLength = maxLength;
        }

        public Builder valDataset(List<String> value) {
            valDataset = value;
            return this;
        }

        public Builder splitDatasetRatio(double value) {
            splitDatasetRatio = value;
            return this;
        }

        public Builder datasetShuffle(boolean value) {
            datasetShuffle = value;
            return this;
        }

        public Builder valDatasetShuffle(boolean value) {
            valDatasetShuffle = value;
            return this;
        }

        public Builder dataSeed(long value) {
            dataSeed = value;
            return this;
        }

        public Builder interleaveProb(List<Double> value) {
            interleaveProb = value;
            return this;
        }

        public Builder stoppingStrategy(StoppingStrategy value) {
            stoppingStrategy = value;
            return this;
        }

        public Builder strict(boolean value) {
            strict = value;
            return this;
        }

        public Builder packing(Packing value) {
            packing = value;
            return this;
        }

        public Builder shardBytes(long value) {
            shardBytes = value;
            return this;
        }

        public Builder reuse(boolean value) {
            reuse = value;
            return this;
        }

        public PrepareOptions build() {
            return new PrepareOptions(dataset, valDataset, splitDatasetRatio, datasetShuffle, valDatasetShuffle, dataSeed, interleaveProb,
                    stoppingStrategy, strict, packing, maxLength, shardBytes, reuse);
        }
    }
}
