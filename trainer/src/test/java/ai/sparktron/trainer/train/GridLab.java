package ai.sparktron.trainer.train;

import ai.sparktron.packing.shard.PackedRowBuilder;
import ai.sparktron.packing.shard.TokenRow;
import ai.sparktron.trainer.comm.InProcessWorld;
import ai.sparktron.trainer.comm.Ranks;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.config.Command;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.data.InMemoryRows;
import ai.sparktron.trainer.data.MicroBatchSource;
import ai.sparktron.trainer.data.RowOrder;
import ai.sparktron.trainer.data.RowSource;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.kernels.nd4j.Nd4jEngines;
import ai.sparktron.trainer.layer.Initialiser;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.TensorSlice;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.StackArena;
import ai.sparktron.trainer.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;

/**
 * Trains a tiny model on a grid of threads, made from options as a run makes it ({@link RankModel}), and tells what came out: gradients of one step by way of plain
 * SGD, and losses of a few steps of AdamW.
 */
final class GridLab {

    /** A power of two, so large that values disappear beside it: what one SGD step takes off, divided by it, is the gradient. */
    private static final float PROBE_RATE = 1 << 16;
    private static final double RATE = 3e-3;
    private static final EngineFactory ENGINES = Nd4jEngines.factory(Nd4jEngines.Face.HOST);
    private static final int ARENA_CHUNK_BYTES = 1 << 16;
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    /**
     * What is trained on.
     *
     * @param json    configuration of the model
     * @param rows    at least as many as a global batch has
     * @param options beside those of the grid
     */
    record Task(String json, RowSource rows, List<String> options) {
        ModelConfig config() {
            return ConfigReader.parse(json, "test");
        }
    }

    /** A rank's part of a tensor's gradient. */
    record Held(TensorSlice slice, float[] gradient) {
    }

    /**
     * What came out.
     *
     * @param probeLoss loss of the step whose gradients these are
     * @param held      gradients by rank
     * @param losses    of the AdamW steps
     * @param norms     of their gradients
     * @param tokens    counted in the last step
     */
    record Outcome(double probeLoss, List<List<Held>> held, double[] losses, double[] norms, long tokens) {
    }

    private record RankOutcome(double probeLoss, List<Held> held, double[] losses, double[] norms, long tokens) {
    }

    /** About the last bit of weights of this size. */
    private static final float LAST_BIT = 3e-8f;

    private final Task task;
    private final int steps;
    private final boolean disturbed;

    /** @param steps of AdamW */
    GridLab(Task task, int steps) {
        this(task, steps, false);
    }

    private GridLab(Task task, int steps, boolean disturbed) {
        this.task = task;
        this.steps = steps;
        this.disturbed = disturbed;
    }

    /** The same with weights that differ in their last bits: what comes out otherwise tells how much rounding matters to this model. */
    GridLab disturbed() {
        return new GridLab(task, steps, true);
    }

    Outcome run(Grid grid) {
        return run(grid, world -> world);
    }

    /** @param seen each rank's world as it is to see it: the place to plant faults */
    Outcome run(Grid grid, UnaryOperator<World> seen) {
        Options probe = options(grid, "--optimizer", "sgd", "--sgd_momentum", "0", "--weight_decay", "0", "--clip_grad", "0");
        Options training = options(grid, "--clip_grad", "0.3");
        List<RankOutcome> ranks = Ranks.run(InProcessWorld.create(grid.ranks(), TIMEOUT), world -> rank(seen.apply(world), probe, training));
        RankOutcome first = ranks.get(0);
        return new Outcome(first.probeLoss(), ranks.stream().map(RankOutcome::held).toList(), first.losses(), first.norms(), first.tokens());
    }

    private Options options(Grid grid, String... more) {
        List<String> words = new ArrayList<>(List.of("--lr", "1", "--min_lr", "0", "--train_iters", "1000", "--perform_initialization", "true"));
        words.addAll(task.options());
        words.addAll(grid.words());
        words.addAll(List.of(more));
        return Options.of(Command.SFT, words.toArray(String[]::new));
    }

    private RankOutcome rank(World world, Options probe, Options training) throws IOException {
        try (Engine engine = ENGINES.open(world.rank());
                StackArena runArena = StackArena.growing("run", engine.memory(), ARENA_CHUNK_BYTES);
                StackArena scratch = StackArena.growing("call", engine.memory(), ARENA_CHUNK_BYTES);
                PassMemory passes = PassMemory.growing(engine.memory(), ARENA_CHUNK_BYTES, scratch)) {
            double probeLoss;
            List<Held> held;
            try (Arena.Frame run = runArena.open("probe"); RankModel model = model(probe, world, engine, run)) {
                StepRunner runner = model.steps(passes);
                List<Held> before = values(model, engine);
                MicroBatchSource source = source(model, probe);
                runner.train(source.next(), PROBE_RATE);
                probeLoss = runner.takeFigures().overRanks().byName().get("loss");
                held = gradients(before, values(model, engine));
            }
            try (Arena.Frame run = runArena.open("training"); RankModel model = model(training, world, engine, run)) {
                StepRunner runner = model.steps(passes);
                MicroBatchSource source = source(model, training);
                double[] losses = new double[steps];
                double[] norms = new double[steps];
                long tokens = 0;
                for (int step = 0; step < steps; step++) {
                    StepRunner.Outcome outcome = runner.train(source.next(), RATE);
                    losses[step] = runner.takeFigures().overRanks().byName().get("loss");
                    norms[step] = outcome.gradientNorm().number();
                    tokens = outcome.tokens();
                }
                // Values that are still under way to other ranks are waited for.
                values(model, engine);
                return new RankOutcome(probeLoss, held, losses, norms, tokens);
            }
        }
    }

    private RankModel model(Options options, World world, Engine engine, Arena.Frame run) throws IOException {
        RankModel model = new RankModel(options, ModelShape.trained(options, task.config()), engine, world, task.rows().rowCapacity(), run);
        model.warmUp();
        model.update().load((parameters, weights) -> {
            Initialiser.initialise(parameters, engine.kernels(), 5);
            parameters.all().forEach(parameter -> giveVectorsNumbers(parameter, engine));
            if (disturbed) {
                Tensor noise = run.tensor("noise", DType.F32, parameters.value().elements());
                engine.kernels().fillNormal(noise, 9, 0, 0, noise.elements(), 0, LAST_BIT);
                engine.kernels().add(parameters.value(), noise, parameters.value());
            }
            parameters.all().forEach(weights::adopt);
        });
        return model;
    }

    /** Norms of 1 and biases of 0 would hide what is done to the wrong one. */
    private static void giveVectorsNumbers(Parameter parameter, Engine engine) {
        for (int part = 0; part < parameter.slices().size(); part++) {
            TensorSlice slice = parameter.slices().get(part);
            if (slice.tensor().dims().size() == 1) {
                boolean norm = slice.tensor().name().contains("norm");
                // A bias of experts that is larger than their scores differ would leave some of them without tokens.
                float most = parameter.spec().buffer() ? 0.02f : 0.2f;
                engine.kernels().fillUniform(parameter.part(part), slice.tensor().name().hashCode(), slice.firstRow(), slice.firstColumn(), slice.tensor().columns(),
                        norm ? 0.7f : -most, norm ? 1.5f : most);
            }
        }
    }

    private MicroBatchSource source(RankModel model, Options options) {
        return MicroBatchSource.training(task.rows(), model.batchShape(), RowOrder.SEQUENTIAL, DataCursor.start(task.rows().rows(), options.training().seed()));
    }

    /** Every rank brings every tensor, since ranks may have to meet for it. */
    private static List<Held> values(RankModel model, Engine engine) {
        List<Held> values = new ArrayList<>();
        for (Parameter parameter : model.parameters().all()) {
            for (int part = 0; part < parameter.slices().size() && parameter.isTrained(); part++) {
                model.update().bring(parameter.slices().get(part).tensor());
                values.add(new Held(parameter.slices().get(part), floats(parameter.part(part), engine)));
            }
        }
        return values;
    }

    private static List<Held> gradients(List<Held> before, List<Held> after) {
        List<Held> gradients = new ArrayList<>();
        for (int i = 0; i < before.size(); i++) {
            float[] gradient = new float[before.get(i).gradient().length];
            for (int j = 0; j < gradient.length; j++) {
                gradient[j] = (before.get(i).gradient()[j] - after.get(i).gradient()[j]) / PROBE_RATE;
            }
            gradients.add(new Held(before.get(i).slice(), gradient));
        }
        return gradients;
    }

    private static float[] floats(Tensor tensor, Engine engine) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(Math.toIntExact(tensor.sizeBytes())).order(ByteOrder.nativeOrder());
        engine.read(tensor, bytes);
        bytes.position(0).limit(bytes.capacity());
        float[] values = new float[Math.toIntExact(tensor.elements())];
        bytes.asFloatBuffer().get(values);
        return values;
    }

    /**
     * Rows of packed documents, some of one token, whose next token is a function of the present one: the first tokens of each document are not trained, nor is
     * the third row at all, and the fifth has weights.
     *
     * @param tokens of a row at the least and at the most
     */
    static InMemoryRows rows(int count, int[] tokens, int vocabulary, long seed) {
        Random random = new Random(seed);
        List<TokenRow> rows = new ArrayList<>();
        for (int row = 0; row < count; row++) {
            PackedRowBuilder builder = new PackedRowBuilder();
            int left = tokens[0] + random.nextInt(tokens[1] - tokens[0] + 1);
            while (left > 0) {
                int length = random.nextInt(4) == 0 ? 1 : 1 + random.nextInt(left);
                int[] ids = new int[length];
                int[] labels = new int[length];
                float[] weights = row == 4 ? new float[length] : null;
                ids[0] = random.nextInt(vocabulary);
                for (int t = 0; t < length; t++) {
                    ids[t] = t == 0 ? ids[0] : (ids[t - 1] * 7 + 5) % vocabulary;
                    labels[t] = row == 2 || t <= length / 4 ? PackedRowBuilder.IGNORED : ids[t];
                    if (weights != null) {
                        weights[t] = labels[t] == PackedRowBuilder.IGNORED ? 0 : 0.5f + random.nextInt(3);
                    }
                }
                builder.add(ids, labels, weights);
                left -= length;
            }
            rows.add(builder.toRow());
        }
        return new InMemoryRows(rows);
    }

    /** Whole gradients by the tensors' names, of a grid of one rank. */
    static Map<String, float[]> whole(Outcome one) {
        Map<String, float[]> whole = new LinkedHashMap<>();
        one.held().get(0).forEach(held -> whole.put(held.slice().tensor().name(), held.gradient()));
        return whole;
    }
}
