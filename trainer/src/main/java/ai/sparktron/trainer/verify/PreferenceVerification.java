package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.kernels.EngineFactory;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageLinks;
import ai.sparktron.trainer.preference.DocumentSums;
import ai.sparktron.trainer.preference.PairBatch;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.train.PairLosses;
import ai.sparktron.trainer.train.PassMemory;
import ai.sparktron.trainer.train.StageRunner;
import ai.sparktron.trainer.train.StepObjective;
import ai.sparktron.trainer.verify.Comparison.Measure;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** One rank's part in verifying a reference case of preferences: losses, figures and every gradient of each variant. */
final class PreferenceVerification {

    private static final long ARENA_CHUNK_BYTES = 1L << 20;

    private final PreferenceCase reference;
    private final Verification.Settings settings;
    private final EngineFactory engines;

    PreferenceVerification(PreferenceCase reference, Verification.Settings settings, EngineFactory engines) {
        this.reference = reference;
        this.settings = settings;
        this.engines = engines;
    }

    /** All comparisons, on every rank of the first replica. */
    List<Comparison> compare(World world) throws IOException {
        ReferenceCase.Rows pairs = reference.pairs();
        int longest = pairs.ids()[0].length;
        ParallelPlan plan = ParallelPlan.of(settings.mesh(), world, settings.grid());
        plan.validate(ConfigReader.read(reference.policy()), longest);
        LoadedModel.Settings how = settings.loaded(longest, plan, Optional.empty(), Prediction.NONE);
        try (Engine engine = engines.open(world.rank());
                LoadedModel policy = LoadedModel.open(engine, reference.policy(), DType.F32, Parameters.Use.TRAIN, how);
                LoadedModel from = LoadedModel.open(engine, reference.reference(), DType.F32, Parameters.Use.INFER, how);
                PassMemory passes = PassMemory.growing(engine.memory(), ARENA_CHUNK_BYTES, from.scratch());
                CaseRunner runner = new CaseRunner(policy, plan, settings.microBatchRows())) {
            StageLinks links = plan.links(policy.config());
            StageRunner asked = new StageRunner(from.models(), links, passes, Runnable::run);
            DocumentSums sums = new DocumentSums(engine, plan.along(Axis.CONTEXT), policy.frame());
            boolean speaks = plan.seams().tokens().rank() == 0 && links.isLast();
            List<Comparison> comparisons = new ArrayList<>();
            for (PreferenceCase.Variant variant : reference.variants()) {
                PairLosses losses = new PairLosses(variant.loss(), variant.alpha(), variant.referenceFree() ? null : asked, sums, plan.tokenGroup(), speaks, true);
                runner.gradientsOf(losses.workOn(batches(pairs, plan)), 1f / (pairs.ids().length / 2));
                StepObjective.Losses found = losses.take().overRanks();
                if (plan.coordinate(Axis.DATA) == 0 || plan.meetsInEveryPass()) {
                    comparisons.addAll(compare(variant, found, runner.gradients()));
                }
            }
            return comparisons;
        }
    }

    /** This replica's pairs. */
    private List<PairBatch> batches(ReferenceCase.Rows rows, ParallelPlan plan) {
        int pairs = rows.ids().length / 2;
        int replicas = plan.mesh().data();
        int together = settings.microBatchRows() == 0 ? (pairs + replicas - 1) / replicas : settings.microBatchRows();
        List<PairBatch> batches = new ArrayList<>();
        for (int first = plan.coordinate(Axis.DATA) * together; first < pairs; first += replicas * together) {
            int count = Math.min(together, pairs - first);
            batches.add(new PairBatch(rows.microBatch(2 * first, 2 * count).padded(plan.tokenMultiple()), count));
        }
        return batches;
    }

    private List<Comparison> compare(PreferenceCase.Variant variant, StepObjective.Losses found, Map<String, float[]> gradients) throws IOException {
        List<Comparison> comparisons = new ArrayList<>();
        Map<String, Double> figures = new LinkedHashMap<>(variant.figures());
        figures.putAll(reference.likelihoods());
        figures.forEach((name, expected) -> comparisons.add(Comparison.of(variant.name() + "." + name, new float[] {found.byName().get(name).floatValue()},
                new float[] {expected.floatValue()}, Measure.RELATIVE, settings.tolerances().gradient())));
        reference.gradients(variant).forEach((name, expected) -> {
            float[] own = gradients.get(name);
            if (own == null) {
                throw new IllegalArgumentException(reference.directory() + ": expected.safetensors has " + variant.name() + "." + name
                        + ", which this model has not; it has " + gradients.keySet().stream().limit(4).toList() + " and others");
            }
            comparisons.add(Comparison.of(variant.name() + "." + name, own, expected, Measure.RELATIVE, settings.tolerances().gradient()));
        });
        return comparisons;
    }
}
