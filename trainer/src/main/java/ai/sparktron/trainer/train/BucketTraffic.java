package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.kernels.Kernels;
import ai.sparktron.trainer.layer.ParameterUse;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.optimizer.FlatRange;
import ai.sparktron.trainer.parallel.FlatBuckets.Bucket;
import ai.sparktron.trainer.parallel.FlatBuckets;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Gradients on their way to the data-parallel ranks and updated values on their way back, bucket by bucket. Reduction starts in backward of the last micro-batch
 * ({@code overlap_grad_reduce}) or after it; values are gathered while the next forward begins ({@code overlap_param_gather}) or before it. The order of buckets
 * is fixed, so all ranks agree and the bits are the same either way.
 */
final class BucketTraffic implements ParameterUse {

    private final Kernels kernels;
    private final Parameters parameters;
    private final FlatBuckets buckets;
    private final Communicator data;
    private final ModelGroup model;
    private final ParameterUpdate.Sharding sharding;
    private final ParameterUpdate.Overlap overlap;
    private final BackgroundCollectives background;
    private final List<Parameter> all;
    private final Map<Parameter, Integer> places = new IdentityHashMap<>();
    private final int[][] bucketsOf;
    private final boolean[] complete;
    private final int[] incomplete;
    private final Transfer[] reducing;
    private final Transfer[] gathering;
    private int started;
    private boolean lastPass;

    /** @param background of the same ranks as {@code data}; null where nothing overlaps */
    BucketTraffic(Kernels kernels, Parameters parameters, FlatBuckets buckets, Communicator data, ModelGroup model, ParameterUpdate.Sharding sharding,
                  ParameterUpdate.Overlap overlap, BackgroundCollectives background) {
        this.kernels = kernels;
        this.parameters = parameters;
        this.buckets = buckets;
        this.data = data;
        this.model = model;
        this.sharding = sharding;
        this.overlap = overlap;
        this.background = background;
        this.all = List.copyOf(parameters.all());
        int count = buckets.buckets().size();
        this.bucketsOf = new int[all.size()][];
        for (int p = 0; p < all.size(); p++) {
            int place = p;
            places.put(all.get(p), p);
            bucketsOf[p] = java.util.stream.IntStream.range(0, count).filter(b -> buckets.buckets().get(b).parameters().contains(place)).toArray();
        }
        this.complete = new boolean[all.size()];
        this.incomplete = new int[count];
        this.reducing = new Transfer[count];
        this.gathering = new Transfer[count];
        startOver();
    }

    private void startOver() {
        java.util.Arrays.fill(complete, false);
        for (int b = 0; b < incomplete.length; b++) {
            incomplete[b] = buckets.buckets().get(b).parameters().size();
        }
        started = 0;
    }

    /** Runs what completes gradients for the step. */
    void lastPass(Runnable pass) {
        lastPass = overlap.reduces() && data.size() > 1;
        pass.run();
        lastPass = false;
    }

    @Override
    public void afterBackward(List<Parameter> through) {
        if (!lastPass) {
            return;
        }
        through.stream().filter(places::containsKey).forEach(parameter -> complete(places.get(parameter)));
        while (started < reducing.length && incomplete[started] == 0) {
            reducing[started] = reduceInBackground(buckets.buckets().get(started));
            started++;
        }
    }

    /** Ranks of the replica agree on the gradient. */
    private void complete(int place) {
        Parameter parameter = all.get(place);
        if (!parameter.isTrained() || complete[place]) {
            return;
        }
        complete[place] = true;
        FreshGradients.complete(kernels, parameter);
        model.completeGradient(parameter);
        for (int bucket : bucketsOf[place]) {
            incomplete[bucket]--;
        }
    }

    private Transfer reduceInBackground(Bucket bucket) {
        Tensor whole = parameters.gradient().rows(bucket.from(), bucket.to() - bucket.from());
        return switch (sharding) {
            case DISTRIBUTED -> background.reduceScatter(whole, own(parameters.gradient(), bucket), Reduction.SUM);
            case REPLICATED -> background.allReduce(whole, Reduction.SUM);
        };
    }

    private Tensor own(Tensor flat, Bucket bucket) {
        FlatRange share = bucket.share(data.rank(), data.size());
        return flat.rows(share.from(), share.size());
    }

    /** Returns when this rank's gradients are the sums over all ranks: of its shares of the buckets, or of all of them where nothing is shared out. */
    void finishReduction() {
        for (int place = 0; place < all.size(); place++) {
            complete(place);
        }
        for (int b = 0; b < reducing.length && data.size() > 1; b++) {
            if (b < started) {
                reducing[b].await();
                reducing[b] = null;
            } else if (overlap.reduces()) {
                reduceInBackground(buckets.buckets().get(b)).await();
            } else {
                reduce(buckets.buckets().get(b));
            }
        }
        model.copied(parameters).ifPresent(this::addCopies);
        startOver();
    }

    /** Both stages cut the table into the same buckets, so a share is the same elements on both; and each sum is made once, so the copies stay the same. */
    private void addCopies(Parameter table) {
        for (Bucket bucket : buckets.buckets()) {
            FlatRange share = sharding == ParameterUpdate.Sharding.REPLICATED ? new FlatRange(bucket.from(), bucket.to(), false)
                    : bucket.share(data.rank(), data.size());
            long to = Math.min(share.to(), table.gradient().elements());
            if (share.from() < to) {
                model.addCopies(parameters.gradient().rows(share.from(), to - share.from()));
            }
        }
    }

    private void reduce(Bucket bucket) {
        Tensor whole = parameters.gradient().rows(bucket.from(), bucket.to() - bucket.from());
        switch (sharding) {
            case DISTRIBUTED -> data.reduceScatter(whole, own(parameters.gradient(), bucket), Reduction.SUM);
            case REPLICATED -> data.allReduce(whole, Reduction.SUM);
        }
    }

    /** Brings updated values to all ranks, at once or by the time they are needed. */
    void gather() {
        if (sharding == ParameterUpdate.Sharding.REPLICATED || data.size() == 1) {
            return;
        }
        for (int b = gathering.length - 1; b >= 0; b--) {
            Bucket bucket = buckets.buckets().get(b);
            Tensor whole = parameters.value().rows(bucket.from(), bucket.to() - bucket.from());
            if (overlap.gathers()) {
                gathering[b] = background.allGather(own(parameters.value(), bucket), whole);
            } else {
                data.allGather(own(parameters.value(), bucket), whole);
            }
        }
    }

    @Override
    public void beforeForward(List<Parameter> needed) {
        if (overlap.gathers()) {
            for (Parameter parameter : needed) {
                for (int bucket : places.containsKey(parameter) ? bucketsOf[places.get(parameter)] : new int[0]) {
                    arrive(bucket);
                }
            }
        }
    }

    private void arrive(int bucket) {
        if (gathering[bucket] != null) {
            gathering[bucket].await();
            gathering[bucket] = null;
        }
    }

    /** Returns when all values are there. */
    void settle() {
        for (int bucket = 0; bucket < gathering.length; bucket++) {
            arrive(bucket);
        }
    }
}
