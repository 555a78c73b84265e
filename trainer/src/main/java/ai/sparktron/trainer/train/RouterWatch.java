package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.layer.Balancing;
import ai.sparktron.trainer.layer.RouterCounts;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.DecoderSpecs;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.tensor.Shape;
import ai.sparktron.trainer.train.metrics.ExpertTokens;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * What routers count over the steps of a run: the figures to report, and after each step the biases that choose experts (arXiv 2408.15664): an expert that got fewer
 * tokens of the global batch than the mean is chosen more readily from then on, by a fixed step, and the other way round. No gradient trains them.
 */
final class RouterWatch {

    private static final String BIAS = "mlp.router.expert_bias";

    private final ParallelPlan plan;
    private final ModelConfig config;
    private final Engine engine;
    private final Parameters parameters;
    private final RouterCounts counts;
    private final Balancing balancing;
    private final double biasRate;
    private final Map<Integer, double[]> window = new TreeMap<>();
    private double balanceLoss;
    private double zLoss;
    private double divisors;

    /**
     * @param counts   of the layers held here
     * @param biasRate step of the biases; 0 = they stay as they are
     */
    RouterWatch(ParallelPlan plan, ModelConfig config, Engine engine, Parameters parameters, RouterCounts counts, Balancing balancing, double biasRate) {
        this.plan = plan;
        this.config = config;
        this.engine = engine;
        this.parameters = parameters;
        this.counts = counts;
        this.balancing = balancing;
        this.biasRate = biasRate;
    }

    /** Numbers of the layers with experts of a part of a model; those that predict further tokens are behind the last one. */
    static List<Integer> layers(ModelConfig config, ModelPart part) {
        IntStream behind = IntStream.range(config.layers(), config.layers() + (part.hasHead() ? config.prediction().layers() : 0));
        return IntStream.concat(IntStream.range(part.firstLayer(), part.firstLayer() + part.layers()), behind).filter(config::hasExperts).boxed().toList();
    }

    /**
     * Moves the biases, if they move; all ranks call it when the micro-batches of a step are through.
     *
     * @param divisor what the gradients of the step are divided by
     */
    void afterStep(double divisor) {
        divisors += divisor;
        if (biasRate == 0) {
            return;
        }
        RouterCounts.Taken step = take();
        for (int i = 0; i < step.layers().size(); i++) {
            double[] all = overStage(step.tokens()[i]);
            double mean = Arrays.stream(all).average().orElse(0);
            move(step.layers().get(i), Arrays.stream(all).map(tokens -> Math.signum(mean - tokens) * biasRate).toArray());
        }
    }

    private void move(int layer, double[] by) {
        Parameter bias = parameters.get(DecoderSpecs.block(config, layer) + BIAS);
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(bias.value().sizeBytes())).order(ByteOrder.nativeOrder());
        engine.read(bias.value().reshape(Shape.of(by.length)), bytes);
        for (int e = 0; e < by.length; e++) {
            bytes.putFloat(e * Float.BYTES, (float) (bytes.getFloat(e * Float.BYTES) + by[e]));
        }
        engine.write(bias.value().reshape(Shape.of(by.length)), bytes.clear());
    }

    /** Ranks of the stage that have other tokens: replicas, parts of rows, and with experts always parts of the sequence. */
    private double[] overStage(double[] own) {
        return sum(plan.along(Axis.TENSOR), sum(plan.gradientGroup(), own));
    }

    private static double[] sum(Communicator ranks, double[] own) {
        if (ranks.size() == 1) {
            return own;
        }
        double[] sum = new double[own.length];
        for (byte[] theirs : ranks.allGather(bytes(own))) {
            ByteBuffer in = ByteBuffer.wrap(theirs);
            for (int i = 0; i < sum.length; i++) {
                sum[i] += in.getDouble();
            }
        }
        return sum;
    }

    private static byte[] bytes(double[] values) {
        ByteBuffer out = ByteBuffer.allocate(values.length * Double.BYTES);
        Arrays.stream(values).forEach(out::putDouble);
        return out.array();
    }

    /** Takes what was counted into the window. */
    private RouterCounts.Taken take() {
        RouterCounts.Taken taken = counts.take();
        for (int i = 0; i < taken.layers().size(); i++) {
            double[] row = window.computeIfAbsent(taken.layers().get(i), layer -> new double[counts.experts()]);
            for (int e = 0; e < row.length; e++) {
                row[e] += taken.tokens()[i][e];
            }
        }
        balanceLoss += taken.balance();
        zLoss += taken.z();
        return taken;
    }

    /**
     * What the routers of the whole model counted since the last report.
     *
     * @param losses by name, means over layers and over the steps' loss
     * @param tokens by layer and expert
     */
    record Report(Map<String, Double> losses, Map<Integer, double[]> tokens) {

        /** @param iteration of the step that is reported */
        ExpertTokens expertTokens(long iteration) {
            return new ExpertTokens(iteration, tokens);
        }

        /** What is reported as numbers. */
        Map<String, Double> figures() {
            Map<String, Double> figures = new LinkedHashMap<>(losses);
            figures.put("expert_crowding", expertTokens(0).crowding());
            return figures;
        }
    }

    /** The figures since the last call, which all ranks make together. */
    Report report() {
        take();
        Map<Integer, double[]> tokens = new TreeMap<>();
        double balance = 0;
        double z = 0;
        for (byte[] theirs : plan.allRanks().allGather(own())) {
            ByteBuffer in = ByteBuffer.wrap(theirs);
            balance += in.getDouble();
            z += in.getDouble();
            while (in.hasRemaining()) {
                double[] row = tokens.computeIfAbsent(in.getInt(), layer -> new double[counts.experts()]);
                for (int e = 0; e < row.length; e++) {
                    row[e] += in.getDouble();
                }
            }
        }
        window.clear();
        balanceLoss = 0;
        zLoss = 0;
        Map<String, Double> losses = new LinkedHashMap<>();
        double parts = Math.max(1, divisors) * Math.max(1, tokens.size());
        divisors = 0;
        if (balancing.coefficient() > 0) {
            losses.put(balancing.loss() == Balancing.Loss.DOCUMENT ? "seq_load_balancing_loss" : "load_balancing_loss", balance / parts);
        }
        if (balancing.zCoefficient() > 0) {
            losses.put("z_loss", z / parts);
        }
        return new Report(losses, tokens);
    }

    private byte[] own() {
        ByteBuffer out = ByteBuffer.allocate(2 * Double.BYTES + window.size() * (Integer.BYTES + counts.experts() * Double.BYTES));
        out.putDouble(balanceLoss).putDouble(zLoss);
        window.forEach((layer, row) -> {
            out.putInt(layer);
            Arrays.stream(row).forEach(out::putDouble);
        });
        return out.array();
    }
}
