package ai.sparktron.trainer.plan;

import ai.sparktron.trainer.measure.Traffic;
import ai.sparktron.trainer.measure.Work;
import ai.sparktron.trainer.train.RankMeasurement;
import ai.sparktron.trainer.train.RankMeasurement.Load;
import java.util.List;

/**
 * How long a step may take, to compare grids with: measured work and traffic over the rates of datasheets, of which the shares below are reached. Rows are taken as
 * one document each, which is the most that attention can have to do.
 *
 * @param compute        seconds of kernels on the busiest stage
 * @param communication  seconds in which it waits for other ranks
 * @param bubble         seconds in which it has nothing to do, since stages before or behind it work
 * @param tokensPerSecond of one GPU
 * @param utilisation    operations that the model needs over those that the GPUs could do
 */
public record StepTime(double compute, double communication, double bubble, double tokensPerSecond, double utilisation) {

    private static final double PRODUCTS_REACH = 0.7;
    /** The datasheets' ratio to 16 bits. */
    private static final double EIGHT_BITS_GAIN = 2;
    private static final double ATTENTION_REACHES = 0.5;
    private static final double MEMORY_REACHES = 0.8;
    private static final double LINKS_REACH = 0.8;
    /** Of a collective among few ranks: it starts late and its ranks do not come together. */
    private static final double SECONDS_PER_CALL = 15e-6;

    /** All seconds of the step. */
    public double seconds() {
        return compute + communication + bubble;
    }

    /** The estimate for a grid. */
    public static StepTime of(GridPlan plan, Hardware hardware) {
        Rates rates = new Rates(hardware, hardware.productFlops(plan.values()));
        double slowest = 0;
        double all = 0;
        double compute = 0;
        double exchange = 0;
        double update = 0;
        double waits = 0;
        for (RankMeasurement stage : plan.stages()) {
            double kernels = rates.compute(stage.ofMicroBatch().work());
            double waiting = rates.waiting(stage.ofMicroBatch(), kernels);
            all += kernels + waiting;
            if (kernels + waiting > slowest) {
                slowest = kernels + waiting;
                compute = kernels;
                exchange = waiting;
            }
            double ofUpdate = rates.compute(stage.ofUpdate().work());
            double waitingForUpdate = rates.waiting(stage.ofUpdate(), kernels);
            if (ofUpdate + waitingForUpdate > update + waits) {
                update = ofUpdate;
                waits = waitingForUpdate;
            }
        }
        int batches = plan.microBatches();
        double bubble = (all - slowest) / plan.chunks();
        double seconds = batches * slowest + bubble + update + waits;
        double flops = plan.config().flopsPerToken(plan.rowTokens()) * plan.tokens();
        int ranks = plan.mesh().ranks();
        return new StepTime(batches * compute + update, batches * exchange + waits, bubble, plan.tokens() / seconds / ranks,
                flops / seconds / ranks / hardware.productFlops(plan.values()));
    }

    /** Rates that are reached. */
    record Rates(Hardware hardware, double productFlops) {

        double compute(Work work) {
            return (work.productFlops() + work.eightBitFlops() / EIGHT_BITS_GAIN) / (productFlops * PRODUCTS_REACH) + work.attentionFlops() / (productFlops * ATTENTION_REACHES)
                    + work.bytes() / (hardware.memoryBandwidth() * MEMORY_REACHES);
        }

        /** Seconds of one way of exchange, waited for or not. */
        double seconds(Traffic traffic) {
            return traffic.calls() * SECONDS_PER_CALL + traffic.sentBytes() / (hardware.bandwidth(traffic.ranks()) * LINKS_REACH);
        }

        /** Messages, and collectives beside kernels, are waited for only as far as they take longer than the kernels they go beside. */
        double waiting(Load load, double kernels) {
            double waited = 0;
            double hidden = 0;
            for (Traffic traffic : load.traffic()) {
                boolean beside = traffic.place() == Traffic.Place.BESIDE_KERNELS || traffic.kind() == Traffic.Kind.MESSAGE;
                waited += beside ? 0 : seconds(traffic);
                hidden += beside ? seconds(traffic) : 0;
            }
            return waited + Math.max(0, hidden - kernels);
        }
    }

    /** Seconds that each way of exchange of a step takes on a stage, in the order of the measurement; waited for or not. */
    static double seconds(Traffic traffic, Hardware hardware) {
        return new Rates(hardware, 1).seconds(traffic);
    }

    /** All that a stage exchanges in a step. */
    static List<Traffic> ofStep(GridPlan plan, int stage) {
        RankMeasurement measured = plan.stages().get(stage);
        return java.util.stream.Stream.concat(measured.ofMicroBatch().traffic().stream().map(traffic -> traffic.times(plan.microBatches())),
                measured.ofUpdate().traffic().stream()).toList();
    }
}
