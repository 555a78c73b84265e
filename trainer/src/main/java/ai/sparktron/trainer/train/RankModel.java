package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.config.Options;
import ai.sparktron.trainer.config.ParallelOptions;
import ai.sparktron.trainer.data.BatchShape;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.Quantised;
import ai.sparktron.trainer.layer.Balancing;
import ai.sparktron.trainer.layer.DecoderModel;
import ai.sparktron.trainer.layer.Fp8;
import ai.sparktron.trainer.layer.RouterCounts;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.optimizer.StateTypes;
import ai.sparktron.trainer.parallel.ModelGroup;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageLinks;
import ai.sparktron.trainer.preference.DocumentSums;
import ai.sparktron.trainer.tensor.Arena;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.tensor.Tensor;
import ai.sparktron.trainer.tuner.Tuning;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What one rank holds in training: its place on the grid, its parameters, its layers and how they are updated. Made from the options and nothing else, so that runs
 * and tests of grids make it alike. Values are zero until {@link ModelUpdate#load}.
 */
final class RankModel implements AutoCloseable {

    private final Options options;
    private final Engine engine;
    private final Arena.Frame run;
    private final ParallelPlan grid;
    private final List<BackgroundCollectives> background = new ArrayList<>();
    private final Tuning tuning;
    private final Parameters parameters;
    private final ModelUpdate update;
    private final StageLinks links;
    private final List<DecoderModel> chunks = new ArrayList<>();
    private final ReferenceModel reference;
    private final ModelConfig config;
    private final LossScale lossScale;
    private final RouterWatch routers;
    private final Fp8 fp8;

    /**
     * @param world   over which tensors go
     * @param longest tokens of the longest document
     * @param run     gives all that lives as long as the run
     * @throws IllegalArgumentException when options, model and number of ranks do not fit each other
     */
    RankModel(Options options, ModelConfig config, Engine engine, World world, int longest, Arena.Frame run) {
        this(options, config, StartingPoint.tuning(options, config), engine, world, longest, run);
    }

    /** As the other. @param tuning what the options train of the model */
    RankModel(Options options, ModelConfig config, Tuning tuning, Engine engine, World world, int longest, Arena.Frame run) {
        this.options = options;
        this.config = config;
        this.engine = engine;
        this.run = run;
        ParallelOptions sizes = options.parallel();
        this.grid = ParallelPlan.of(RunSetup.mesh(options, world.size()), world, RunSetup.planSettings(options));
        grid.tokensInBackground().ifPresent(background::add);
        grid.validate(config, longest);
        this.links = grid.links(config);
        this.tuning = tuning;
        DType values = Precision.values(options, config.dtype());
        Precision.require(engine, values);
        StateTypes types = Precision.states(options, values);
        this.lossScale = LossScale.of(values);
        List<ModelPart> parts = grid.parts(config);
        List<ParameterSpec> specs = tuning.applyTo(config, parts);
        if (RunSetup.sharing(sizes).ofModel()) {
            if (grid.expertsApart(config) || grid.meetsInEveryPass()) {
                throw new IllegalArgumentException("--data_parallel_sharding_strategy shares a model out over ranks that all hold the same of it: it does not go with"
                        + " shared experts (--expert_model_parallel_size, --tensor_model_parallel_size above 1); use --use_distributed_optimizer true instead");
            }
            boolean resident = RunSetup.sharing(sizes) == RunSetup.Sharing.GRADIENTS;
            Communicator ranks = grid.gradientGroup();
            ParameterUpdate.Overlap overlap = RunSetup.traffic(sizes, ranks.size()).overlap();
            ShardedUnits units = ShardedUnits.allocate(specs, grid.seams().slicing(), types, run, ranks.rank(), ranks.size(), resident, overlap);
            this.parameters = units.joined();
            UnitTraffic traffic = new UnitTraffic(engine.kernels(), units, ranks, beside(overlap, ranks, grid::gradientsInBackground), grid.modelGroup(config), resident,
                    overlap);
            this.update = new ShardedUpdate(engine, units, traffic, ranks, grid.modelGroup(config), options.optimizer(), types, options.training().seed(), run);
        } else {
            boolean apart = grid.expertsApart(config);
            List<Parameters> held = new ArrayList<>();
            List<ParameterUpdate> updates = new ArrayList<>();
            part(specs.stream().filter(spec -> !apart || !spec.ofExperts()).toList(), grid.gradientGroup(), grid.modelGroup(config), grid::gradientsInBackground, held,
                    updates, types);
            if (apart) {
                part(specs.stream().filter(ParameterSpec::ofExperts).toList(), grid.expertGradientGroup(), grid.expertModelGroup(), grid::expertGradientsInBackground,
                        held, updates, types);
            }
            if (held.stream().allMatch(part -> part.trainedElements() == 0)) {
                throw new TrainingException("no parameter is trained: everything is frozen; check freeze_parameters and trainable_parameters");
            }
            this.parameters = apart ? Parameters.joined(held) : held.get(0);
            this.update = apart ? new JointUpdate(updates, new Clipping(engine, options.optimizer().clipGrad(), run), grid.allRanks(), grid.meetsInEveryPass()) : updates.get(0);
        }
        Balancing balancing = RunSetup.balancing(options, config);
        RouterCounts counts = config.experts() == null ? null : new RouterCounts(engine, parts.stream()
                .flatMap(part -> RouterWatch.layers(config, part).stream()).toList(), config.experts().experts(), run);
        this.routers = counts == null ? null : new RouterWatch(grid, config, engine, parameters, counts, balancing, RunSetup.biasRate(options, config, tuning));
        this.fp8 = RunSetup.fp8(options, values).map(settings -> new Fp8(settings, config, engine, run)).orElse(null);
        for (ModelPart part : parts) {
            chunks.add(new DecoderModel(config, new DecoderModel.Options(part, grid.seams(), RunSetup.recompute(options),
                    RunSetup.chunkBytes(options), longest, tuning.adapters(), balancing, counts, fp8), parameters, engine, run, update.use()));
        }
        RunSetup.requireLinears(fp8, parts);
        this.reference = RunSetup.hasReference(options) ? new ReferenceModel(options, config, tuning, parameters, types.value(), grid, longest, engine,
                fp8 == null ? null : fp8.forReference(), run) : null;
        update.clear();
    }

    /** Parameters whose gradients are summed over the same ranks. */
    private void part(List<ParameterSpec> specs, Communicator ranks, ModelGroup group, Supplier<BackgroundCollectives> inBackground, List<Parameters> held,
                      List<ParameterUpdate> updates, StateTypes types) {
        ParameterUpdate.Traffic traffic = RunSetup.traffic(options.parallel(), ranks.size());
        BackgroundCollectives beside = beside(traffic.overlap(), ranks, inBackground);
        held.add(Parameters.allocate(specs, grid.seams().slicing(), run, types.value(), types.gradient(), Parameters.Use.TRAIN, ranks.size()));
        updates.add(new ParameterUpdate(engine, held.get(held.size() - 1), ranks, beside, group, traffic, options.optimizer(), types,
                options.training().seed(), run));
    }

    /** What communicates beside layers, closed with this; null where nothing does. */
    private BackgroundCollectives beside(ParameterUpdate.Overlap overlap, Communicator ranks, Supplier<BackgroundCollectives> inBackground) {
        if (overlap == ParameterUpdate.Overlap.NOTHING || ranks.size() == 1) {
            return null;
        }
        background.add(inBackground.get());
        return background.get(background.size() - 1);
    }

    /** Uses every group once, so that connections are made, and what is wrong with them is found, before the first step. */
    void warmUp() {
        Tensor scalar = run.tensor("warm-up", DType.F32, 1);
        engine.kernels().fill(scalar, 0);
        grid.warmUp(config, scalar);
        background.forEach(beside -> beside.allReduce(scalar, Reduction.SUM).await());
        if (fp8 != null && fp8.history().isPresent()) {
            overAllRanks(scalar);
        }
        engine.synchronize();
    }

    private void overAllRanks(Tensor magnitudes) {
        if (grid.allRanks().size() > 1) {
            grid.allRanks().allReduce(magnitudes, Reduction.MAX);
        }
    }

    /** What linears in eight bits share; empty where none are. */
    Optional<Fp8> fp8() {
        return Optional.ofNullable(fp8);
    }

    ParallelPlan grid() {
        return grid;
    }

    /** This rank's stage and its way to the others. */
    StageLinks links() {
        return links;
    }

    /** What of the model is trained. */
    Tuning tuning() {
        return tuning;
    }

    Parameters parameters() {
        return parameters;
    }

    ModelUpdate update() {
        return update;
    }

    /** How global batches are cut for this rank. */
    BatchShape batchShape() {
        return new BatchShape(options.training().microBatchSize(), options.training().globalBatchSize(), grid.coordinate(Axis.DATA), grid.mesh().data(),
                grid.tokenMultiple() * (fp8 == null ? 1 : (int) Quantised.MULTIPLE), 0);
    }

    /** Factor on losses. */
    LossScale lossScale() {
        return lossScale;
    }

    /** What the model is made of. */
    ModelConfig config() {
        return config;
    }

    /** What preferences are measured from; empty where nothing is. */
    Optional<ReferenceModel> reference() {
        return Optional.ofNullable(reference);
    }

    /** The steps of this rank. */
    StepRunner steps(PassMemory memory) {
        boolean speaks = grid.seams().tokens().rank() == 0 && links.isLast();
        StageRunner stage = new StageRunner(chunks, links, memory, update::lastPass);
        ParameterNorm norm = options.logging().logParamsNorm() ? new ParameterNorm(engine, update, grid.allRanks(), run) : null;
        return new StepRunner(engine, stage, update, grid.tokenGroup(), speaks, objective(speaks, stage, memory), lossScale, routers,
                fp8 == null ? () -> { } : () -> fp8.afterStep(this::overAllRanks), norm, run);
    }

    private StepObjective objective(boolean speaks, StageRunner policy, PassMemory memory) {
        boolean mayLeaveOut = !update.meetsInEveryPass() && !grid.meetsInEveryPass() && links.pipeline().chunks() == 1;
        if (!options.trainsOnPairs()) {
            return new TokenLosses(engine, RunSetup.normalisation(options), config.prediction(), grid.tokenGroup(), speaks, mayLeaveOut, run);
        }
        StageRunner first = reference == null ? null : new StageRunner(reference.chunks(), links, memory, Runnable::run);
        if (options.trainsRewards()) {
            DocumentSums rewards = new DocumentSums(engine, List.of(grid.along(Axis.CONTEXT), grid.along(Axis.TENSOR)), run);
            return new RewardLosses(RunSetup.rewardLoss(options.preference()), rewards, grid.tokenGroup(), speaks, mayLeaveOut);
        }
        DocumentSums sums = new DocumentSums(engine, List.of(grid.along(Axis.CONTEXT)), run);
        if (options.rlhfType().equals("kto")) {
            LabelledLosses.Models models = new LabelledLosses.Models(policy, first, sums, grid.tokenMultiple());
            return new LabelledLosses(RunSetup.labelledLoss(options.preference()), options.preference().measuresDivergence(), models, grid.tokenGroup(), speaks, mayLeaveOut);
        }
        return new PairLosses(RunSetup.preferenceLoss(options.preference()), options.preference().rpoAlpha().orElse(0.0), first, sums, grid.tokenGroup(), speaks,
                mayLeaveOut);
    }

    @Override
    public void close() {
        background.forEach(BackgroundCollectives::close);
        update.close();
    }
}
