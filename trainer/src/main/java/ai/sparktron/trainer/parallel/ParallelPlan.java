package ai.sparktron.trainer.parallel;

import ai.sparktron.trainer.comm.BackgroundCollectives;
import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.comm.Reduction;
import ai.sparktron.trainer.comm.Transfer;
import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.mesh.Mesh;
import ai.sparktron.trainer.model.Dim;
import ai.sparktron.trainer.model.ModelConfig;
import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.model.Parameter;
import ai.sparktron.trainer.model.ParameterSpec;
import ai.sparktron.trainer.seam.Seams;
import ai.sparktron.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** What one rank does in the shared training: its seams, its layers, its rows, and the groups its gradients are added in. */
public final class ParallelPlan {

    private final World world;
    private final Mesh mesh;
    private final int rank;
    private final List<ParallelStrategy> strategies;
    private final Optional<ExpertParallel> experts;
    private final Communicator gradientGroup;
    private final Communicator expertGradientGroup;
    private final Communicator modelRanks;
    private final Communicator tokenGroup;
    private final StageSplit split;
    private final int tokenMultiple;

    private ParallelPlan(Mesh mesh, World world, List<ParallelStrategy> strategies, Optional<ExpertParallel> experts, StageSplit split,
                         int tokenMultiple) {
        this.mesh = mesh;
        this.world = world;
        this.split = split;
        this.tokenMultiple = tokenMultiple;
        this.rank = world.rank();
        this.strategies = List.copyOf(strategies);
        this.experts = experts;
        this.gradientGroup = group(mesh, world, EnumSet.of(Axis.DATA, Axis.CONTEXT));
        List<Integer> sameExperts = mesh.expertDataGroup(rank);
        this.expertGradientGroup = experts.isEmpty() && sameExperts.equals(gradientGroup.ranks()) ? gradientGroup
                : world.group("expert-data-" + sameExperts.get(0), sameExperts);
        this.modelRanks = group(mesh, world, EnumSet.of(Axis.PIPELINE, Axis.TENSOR));
        this.tokenGroup = mesh.pipeline() == 1 ? gradientGroup : group(mesh, world, EnumSet.of(Axis.PIPELINE, Axis.DATA, Axis.CONTEXT));
    }

    /** This rank's group over some axes, named after them and its first rank: {@code data-context-4}. */
    private static Communicator group(Mesh mesh, World world, Set<Axis> axes) {
        List<Integer> members = mesh.group(world.rank(), axes);
        String name = EnumSet.copyOf(axes).stream().map(axis -> axis.name().toLowerCase(Locale.ROOT)).collect(Collectors.joining("-"));
        return world.group(name + "-" + members.get(0), members);
    }

    /**
     * The plan of this rank.
     *
     * @param world all ranks of the mesh
     * @throws IllegalArgumentException when sizes do not fit, or an axis is asked for that is not built yet; names the option
     */
    public static ParallelPlan of(Mesh mesh, World world) {
        return of(mesh, world, Settings.defaults());
    }

    /**
     * What else there is to choose.
     *
     * @param sequenceParallel whether tokens are cut over the tensor-parallel ranks where layers need not see them all
     * @param keyExchange      how context-parallel ranks exchange keys and values
     * @param stages           how layers are dealt to pipeline stages
     * @param tokenExchange    how tokens reach experts on other ranks
     */
    public record Settings(boolean sequenceParallel, KeyExchange keyExchange, StageSplit stages, TokenExchange tokenExchange) {
        /** With as many layers on each stage, and tokens that go to the ranks of their experts. */
        public Settings(boolean sequenceParallel, KeyExchange keyExchange) {
            this(sequenceParallel, keyExchange, StageSplit.even(), TokenExchange.ALL_TO_ALL);
        }

        public static Settings defaults() {
            return new Settings(false, KeyExchange.RING);
        }
    }

    /** As the other. */
    public static ParallelPlan of(Mesh mesh, World world, Settings settings) {
        if (mesh.ranks() != world.size()) {
            throw new IllegalArgumentException("mesh of " + mesh.ranks() + " ranks in a world of " + world.size());
        }
        List<ParallelStrategy> strategies = new ArrayList<>();
        boolean sequence = settings.sequenceParallel() && mesh.tensor() > 1;
        if (mesh.tensor() > 1) {
            strategies.add(new TensorParallel(group(mesh, world, EnumSet.of(Axis.TENSOR)), sequence));
        }
        if (mesh.context() > 1) {
            strategies.add(new ContextParallel(group(mesh, world, EnumSet.of(Axis.CONTEXT)), settings.keyExchange(), mesh.tensor()));
        }
        if (mesh.data() > 1) {
            strategies.add(new DataParallel());
        }
        Optional<ExpertParallel> experts = Optional.empty();
        if (mesh.expert() * mesh.expertTensor() > 1) {
            List<Integer> block = mesh.expertBlock(world.rank());
            String name = "experts-" + block.get(0);
            BackgroundCollectives beside = settings.tokenExchange() == TokenExchange.ALL_TO_ALL_BESIDE ? world.background(name + "-background", block) : null;
            experts = Optional.of(new ExpertParallel(world.group(name, block), mesh, settings.tokenExchange(), beside));
        }
        int chunks = mesh.context() > 1 ? 2 * mesh.context() : 1;
        return new ParallelPlan(mesh, world, strategies, experts, settings.stages(), chunks * (sequence ? mesh.tensor() : 1));
    }

    public Mesh mesh() {
        return mesh;
    }

    /** This rank's place on an axis. */
    public int coordinate(Axis axis) {
        return mesh.coordinate(rank, axis);
    }

    /** @throws IllegalArgumentException with option, value and the fix */
    public void validate(ModelConfig config, int maxLength) {
        layout(config);
        strategies.forEach(strategy -> strategy.validate(config, maxLength));
        experts.ifPresent(strategy -> strategy.validate(config));
    }

    /** The ranks along one axis, in its order. */
    public Communicator along(Axis axis) {
        return group(mesh, world, EnumSet.of(axis));
    }

    /** The tokens of every micro-batch are padded to a multiple of this. */
    public int tokenMultiple() {
        return tokenMultiple;
    }

    /** What layers are built with. */
    public Seams seams() {
        Seams seams = Seams.single();
        for (ParallelStrategy strategy : strategies) {
            seams = strategy.decorate(seams);
        }
        return experts.isPresent() ? experts.get().decorate(seams) : seams;
    }

    /** Which stage holds which layers. @throws IllegalArgumentException when they cannot be dealt as the options say */
    public StageLayout layout(ModelConfig config) {
        return StageLayout.of(split, mesh.pipeline(), config.layers());
    }

    /** The layers this rank holds: chunks, in the order of the model. */
    public List<ModelPart> parts(ModelConfig config) {
        return layout(config).parts().get(coordinate(Axis.PIPELINE));
    }

    /** This rank's stage and its way to the others. */
    public StageLinks links(ModelConfig config) {
        List<Integer> stages = mesh.group(rank, EnumSet.of(Axis.PIPELINE));
        String name = "-" + stages.get(0);
        return new StageLinks(layout(config).pipeline(), world.group("activations" + name, stages), world.group("gradients" + name, stages));
    }

    /** Whether this rank's gradient of a parameter is to be summed over {@link #gradientGroup()}. */
    public boolean gradientIsPartial(ParameterSpec parameter) {
        return strategies.stream().anyMatch(strategy -> isData(strategy.axis()) && strategy.gradientIsPartial(parameter));
    }

    private boolean gradientIsPartialInReplica(ParameterSpec parameter) {
        return strategies.stream().anyMatch(strategy -> !isData(strategy.axis()) && strategy.gradientIsPartial(parameter));
    }

    private static boolean isData(Axis axis) {
        return axis == Axis.DATA || axis == Axis.CONTEXT;
    }

    /** Ranks that together hold the replica of the model that this rank has a part of. */
    public ModelGroup modelGroup(ModelConfig config) {
        boolean apart = expertsApart(config);
        return new ModelGroup(modelRanks, along(Axis.TENSOR), parameter -> gradientIsPartialInReplica(parameter) && !(apart && parameter.ofExperts()),
                copies(config));
    }

    /** Whether experts are held by other ranks than the rest, so that their gradients are summed over others: then they are parameters of their own. */
    public boolean expertsApart(ModelConfig config) {
        return config.experts() != null && expertGradientGroup != gradientGroup;
    }

    /** Ranks that hold the same experts. */
    public Communicator expertGradientGroup() {
        return expertGradientGroup;
    }

    /** Collectives of {@link #expertGradientGroup()} beside the layers' work, as {@link #gradientsInBackground()}. */
    public BackgroundCollectives expertGradientsInBackground() {
        return world.background(expertGradientGroup.name() + "-background", expertGradientGroup.ranks());
    }

    /**
     * Ranks that together hold all experts once. Those with parts of the same experts hold the same one of an addition's two matrices, which sees this rank's part
     * of the other; nothing else is held twice.
     */
    public ModelGroup expertModelGroup() {
        List<Integer> replica = mesh.expertReplica(rank);
        List<Integer> parts = mesh.expertTensorGroup(rank);
        return new ModelGroup(world.group("expert-model-" + replica.get(0), replica), world.group("expert-parts-" + parts.get(0), parts), ParallelPlan::isLowRank, null);
    }

    private static boolean isLowRank(ParameterSpec parameter) {
        return parameter.parts().stream().flatMap(part -> part.dims().stream()).anyMatch(dim -> dim.kind() == Dim.Kind.LOW_RANK);
    }

    /** Everybody. */
    public Communicator allRanks() {
        return world.all("all-ranks");
    }

    /** Collectives by which tokens travel to experts beside the layers' work, where they do so; the plan's owner closes them. */
    public Optional<BackgroundCollectives> tokensInBackground() {
        return experts.flatMap(ExpertParallel::background);
    }

    /** Whether ranks meet in every pass because tokens travel between replicas, so that none may leave one out. */
    public boolean meetsInEveryPass() {
        return experts.isPresent();
    }

    /**
     * Who gives what of a whole model that is put together.
     *
     * @param ranks   take part; hold every parameter
     * @param answers parameters that this rank gives: each element of the model is given by one of the ranks
     */
    public record Holders(Communicator ranks, Predicate<Parameter> answers) {
    }

    /** The replica of this rank, or where replicas share experts all ranks. */
    public Holders holders(ModelConfig config) {
        ModelGroup model = modelGroup(config);
        if (experts.isEmpty()) {
            return new Holders(model.ranks(), model::answersFor);
        }
        ModelGroup expertModel = expertModelGroup();
        return new Holders(allRanks(), parameter -> parameter.spec().ofExperts() ? expertGradientGroup.rank() == 0 && expertModel.answersFor(parameter)
                : gradientGroup.rank() == 0 && model.answersFor(parameter));
    }

    private Communicator copies(ModelConfig config) {
        int last = mesh.pipeline() - 1;
        int stage = coordinate(Axis.PIPELINE);
        if (!config.lastStageEmbeds() || last == 0 || stage != 0 && stage != last) {
            return null;
        }
        List<Integer> stages = mesh.group(rank, EnumSet.of(Axis.PIPELINE));
        return world.group("tied-embeddings-" + stages.get(0), List.of(stages.get(0), stages.get(last)));
    }

    /** Ranks that each token passes once: what is counted on one stage of each replica is summed here. */
    public Communicator tokenGroup() {
        return tokenGroup;
    }

    /**
     * Uses every group once, so that connections are made, and what is wrong with them is found, before the first step and not in it.
     *
     * @param scalar float32 [1], zero before and after
     */
    public void warmUp(ModelConfig config, Tensor scalar) {
        ModelGroup model = modelGroup(config);
        List<Communicator> groups = new ArrayList<>(List.of(gradientGroup, model.ranks(), model.stage(), tokenGroup));
        Optional.ofNullable(model.copies()).ifPresent(groups::add);
        if (expertsApart(config)) {
            groups.addAll(List.of(expertGradientGroup, expertModelGroup().ranks(), expertModelGroup().stage(), allRanks()));
        }
        experts.ifPresent(strategy -> groups.add(strategy.block()));
        groups.forEach(group -> group.allReduce(scalar, Reduction.SUM));
        if (mesh.context() > 1) {
            warmUpRing(along(Axis.CONTEXT), scalar);
        }
        links(config).warmUp(scalar);
    }

    /** Messages to the next rank go over connections of their own. */
    private static void warmUpRing(Communicator ring, Tensor scalar) {
        ring.allReduce(scalar, Reduction.SUM);
        Transfer sent = ring.send(scalar, (ring.rank() + 1) % ring.size());
        ring.receive(scalar, (ring.rank() + ring.size() - 1) % ring.size()).await();
        sent.await();
    }

    /** Collectives of {@link #gradientGroup()} beside the layers' work; whoever asks closes them. All ranks of the group ask. */
    public BackgroundCollectives gradientsInBackground() {
        return world.background(gradientGroup.name() + "-background", gradientGroup.ranks());
    }

    /** Ranks that hold the same parameters and saw other tokens: gradients are summed here, and the distributed optimizer shares its state out here. */
    public Communicator gradientGroup() {
        return gradientGroup;
    }
}
