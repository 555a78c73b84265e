package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.optimizer.FlatRange;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The trained part of the flat buffers cut into buckets, each of which is reduced, updated and gathered on its own; a rank owns an equal share of each. Cuts
 * fall anywhere, also inside of parameters.
 *
 * @param buckets in the order in which backward completes them: a bucket is complete with its parameter that comes first in the model. Gathered in reverse,
 *                the order in which forward needs them
 */
public record FlatBuckets(List<Bucket> buckets) {

    /** Elements of a bucket at the least (Megatron's default): large enough for the network's full rate. */
    private static final long USUAL_ELEMENTS = 40_000_000;
    private static final long USUAL_ELEMENTS_PER_RANK = 1_000_000;

    /**
     * One bucket.
     *
     * @param from       first flat element
     * @param to         one past the last; the size is a multiple of the ranks
     * @param parameters places of its trained parameters in {@link Parameters#all()}
     */
    public record Bucket(long from, long to, List<Integer> parameters) {
        public Bucket {
            parameters = List.copyOf(parameters);
        }

        /** Flat elements of one rank's share. */
        public FlatRange share(int rank, int ranks) {
            long size = (to - from) / ranks;
            return new FlatRange(from + rank * size, from + (rank + 1) * size, false);
        }

        private int firstUse() {
            return parameters.stream().mapToInt(Integer::intValue).min().orElse(Integer.MAX_VALUE);
        }
    }

    public FlatBuckets {
        buckets = List.copyOf(buckets);
    }

    /** Elements of a bucket where nothing is asked for. */
    public static long usualElements(int ranks) {
        return Math.max(USUAL_ELEMENTS, USUAL_ELEMENTS_PER_RANK * ranks);
    }

    /**
     * Cuts.
     *
     * @param parameters whose trained elements are padded for as many shards as there are ranks
     * @param first      elements at the beginning that lie in buckets of their own, cut alike wherever they are as many; 0 = none
     * @param elements   of a bucket, made a multiple of what the ranks can share; the last bucket is what is left
     */
    public static FlatBuckets cut(Parameters parameters, int ranks, long first, long elements) {
        long unit = (long) Parameters.ALIGNMENT * ranks;
        long size = roundUp(Math.max(1, elements), unit);
        List<Bucket> buckets = new ArrayList<>();
        List<Parameter> all = List.copyOf(parameters.all());
        long to;
        for (long from = 0; from < parameters.trainedElements(); from = to) {
            to = Math.min(from + size, from < first ? roundUp(first, unit) : parameters.trainedElements());
            to = Math.min(to, parameters.trainedElements());
            buckets.add(new Bucket(from, to, inside(all, from, to)));
        }
        buckets.sort(Comparator.comparingInt(Bucket::firstUse).reversed());
        return new FlatBuckets(buckets);
    }

    /** Places of the trained parameters that have elements in a range. */
    private static List<Integer> inside(List<Parameter> all, long from, long to) {
        List<Integer> inside = new ArrayList<>();
        for (int i = 0; i < all.size(); i++) {
            Parameter parameter = all.get(i);
            if (parameter.isTrained() && parameter.offset() < to && parameter.offset() + parameter.gradient().elements() > from) {
                inside.add(i);
            }
        }
        return inside;
    }

    private static long roundUp(long value, long multiple) {
        return (value + multiple - 1) / multiple * multiple;
    }
}
