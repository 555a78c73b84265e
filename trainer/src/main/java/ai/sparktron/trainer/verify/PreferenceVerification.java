package ai.sparktron.trainer.verify;

import ai.sparktron.trainer.comm.World;
import ai.sparktron.trainer.convert.LoadedModel;
import ai.sparktron.trainer.kernels.Engine;
import ai.sparktron.trainer.mesh.Axis;
import ai.sparktron.trainer.model.ConfigReader;
import ai.sparktron.trainer.model.Parameters;
import ai.sparktron.trainer.model.Prediction;
import ai.sparktron.trainer.parallel.ParallelPlan;
import ai.sparktron.trainer.parallel.StageLinks;
import ai.sparktron.trainer.preference.DocumentSums;
import ai.sparktron.trainer.preference.LabelledBatch;
import ai.sparktron.trainer.preference.LabelledLoss;
import ai.sparktron.trainer.preference.PairBatch;
import ai.sparktron.trainer.preference.RewardBatch;
import ai.sparktron.trainer.tensor.DType;
import ai.sparktron.trainer.train.LabelledLosses;
import ai.sparktron.trainer.train.PairLosses;
import ai.sparktron.trainer.train.PassMemory;
import ai.sparktron.trainer.train.RewardLosses;
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

    PreferenceVerification(PreferenceCase reference, Verification.Settings settings) {
        this.reference = reference;
        this.settings = settings;
    }

    /** All comparisons, on every rank of the first replica. In float32, whatever type is asked for. */
    List<Comparison> compare(Engine engine, World world) throws IOException {
        ReferenceCase.Rows pairs = reference.pairs();
        int longest = reference.longest();
        ParallelPlan plan = ParallelPlan.of(settings.mesh(), world, settings.grid());
        plan.validate(ConfigReader.read(reference.policy()), longest);
        LoadedModel.Settings how = settings.loaded(longest, plan, Optional.empty(), Prediction.NONE);
        try (LoadedModel policy = LoadedModel.open(engine, reference.policy(), DType.F32, Parameters.Use.TRAIN, how);
                LoadedModel from = reference.reference().isEmpty() ? null : LoadedModel.open(engine, reference.reference().get(), DType.F32, Parameters.Use.INFER, how);
                PassMemory passes = PassMemory.growing(engine.memory(), ARENA_CHUNK_BYTES, policy.scratch());
                CaseRunner runner = new CaseRunner(policy, plan, settings.microBatchRows())) {
            StageLinks links = plan.links(policy.config());
            StageRunner asked = from == null ? null : new StageRunner(from.models(), links, passes, Runnable::run);
            Models models = new Models(new StageRunner(policy.models(), links, passes, Runnable::run), asked,
                    new DocumentSums(engine, List.of(plan.along(Axis.CONTEXT)), policy.frame()),
                    new DocumentSums(engine, List.of(plan.along(Axis.CONTEXT), plan.along(Axis.TENSOR)), policy.frame()));
            boolean speaks = plan.seams().tokens().rank() == 0 && links.isLast();
            List<Comparison> comparisons = new ArrayList<>();
            for (PreferenceCase.Variant variant : reference.variants()) {
                Prepared prepared = prepare(variant, models, pairs, plan, speaks);
                runner.gradientsOf(prepared.work(), 1f / (pairs.ids().length / 2));
                StepObjective.Losses found = prepared.objective().take().overRanks();
                if (plan.coordinate(Axis.DATA) == 0 || plan.meetsInEveryPass()) {
                    comparisons.addAll(compare(variant, found, runner.gradients()));
                }
            }
            return comparisons;
        }
    }

    /** What losses ask. */
    private record Models(StageRunner policy, StageRunner reference, DocumentSums sums, DocumentSums rewards) {
    }

    /** An objective, and its work on this replica's rows. */
    private record Prepared(StepObjective objective, List<StageRunner.Work> work) {
    }

    private Prepared prepare(PreferenceCase.Variant variant, Models models, ReferenceCase.Rows rows, ParallelPlan plan, boolean speaks) {
        switch (variant.kind()) {
            case "kto" -> {
                LabelledLosses losses = new LabelledLosses(variant.labelledLoss(), variant.labelledLoss().type() == LabelledLoss.Type.KTO,
                        new LabelledLosses.Models(models.policy(), models.reference(), models.sums(), plan.tokenMultiple()), plan.tokenGroup(), speaks, true);
                return new Prepared(losses, losses.workOn(batches(rows, plan, (first, tokens) -> labelled(variant, first, tokens, plan.tokenMultiple()))));
            }
            case "rm" -> {
                RewardLosses losses = new RewardLosses(variant.rewardLoss(), models.rewards(), plan.tokenGroup(), speaks, true);
                return new Prepared(losses, losses.workOn(batches(rows, plan, (first, tokens) -> rewarded(variant, first, tokens))));
            }
            default -> {
                PairLosses losses = new PairLosses(variant.preferenceLoss(), variant.alpha(), variant.referenceFree() ? null : models.reference(), models.sums(),
                        plan.tokenGroup(), speaks, true);
                return new Prepared(losses, losses.workOn(batches(rows, plan, (first, tokens) -> tokens)));
            }
        }
    }

    private static LabelledBatch labelled(PreferenceCase.Variant variant, int first, PairBatch batch, int multiple) {
        boolean[] desirable = new boolean[batch.pairs()];
        for (int i = 0; i < desirable.length; i++) {
            desirable[i] = variant.desirable(first + i);
        }
        return LabelledBatch.of(batch.tokens(), desirable, multiple);
    }

    private static RewardBatch rewarded(PreferenceCase.Variant variant, int first, PairBatch batch) {
        double[] margins = new double[batch.pairs()];
        for (int i = 0; i < margins.length; i++) {
            margins[i] = variant.margin(first + i);
        }
        return new RewardBatch(RewardBatch.of(batch).tokens(), margins);
    }

    /** Makes what a loss works on of the pairs from one on. */
    private interface Form<B> {
        B of(int first, PairBatch pairs);
    }

    /** This replica's pairs. */
    private <B> List<B> batches(ReferenceCase.Rows rows, ParallelPlan plan, Form<B> form) {
        int pairs = rows.ids().length / 2;
        int replicas = plan.mesh().data();
        int together = settings.microBatchRows() == 0 ? (pairs + replicas - 1) / replicas : settings.microBatchRows();
        List<B> batches = new ArrayList<>();
        for (int first = plan.coordinate(Axis.DATA) * together; first < pairs; first += replicas * together) {
            int count = Math.min(together, pairs - first);
            batches.add(form.of(first, new PairBatch(rows.microBatch(2 * first, 2 * count).padded(plan.tokenMultiple()), count)));
        }
        return batches;
    }

    private List<Comparison> compare(PreferenceCase.Variant variant, StepObjective.Losses found, Map<String, float[]> gradients) throws IOException {
        List<Comparison> comparisons = new ArrayList<>();
        double tolerance = (settings.tolerances() == null ? Verification.Tolerances.FLOAT32 : settings.tolerances()).gradient();
        Map<String, Double> figures = new LinkedHashMap<>(variant.figures());
        figures.putAll(reference.likelihoods());
        figures.forEach((name, expected) -> comparisons.add(Comparison.of(variant.name() + "." + name, new float[] {found.byName().get(name).floatValue()},
                new float[] {expected.floatValue()}, Measure.RELATIVE, tolerance)));
        reference.gradients(variant).forEach((name, expected) -> {
            float[] own = gradients.get(name);
            if (own == null) {
                throw new IllegalArgumentException(reference.directory() + ": expected.safetensors has " + variant.name() + "." + name
                        + ", which this model has not; it has " + gradients.keySet().stream().limit(4).toList() + " and others");
            }
            comparisons.add(Comparison.of(variant.name() + "." + name, own, expected, Measure.RELATIVE, tolerance));
        });
        return comparisons;
    }
}
