package ai.sparktron.trainer.train;

import ai.sparktron.trainer.comm.Communicator;
import ai.sparktron.trainer.data.MicroBatch;
import ai.sparktron.trainer.layer.HostTokens;
import ai.sparktron.trainer.layer.Pass;
import ai.sparktron.trainer.preference.DocumentScores;
import ai.sparktron.trainer.preference.DocumentSums;
import ai.sparktron.trainer.preference.LabelledBatch;
import ai.sparktron.trainer.preference.LabelledFigures;
import ai.sparktron.trainer.preference.LabelledLoss;
import ai.sparktron.trainer.preference.LabelledObjective;
import java.util.ArrayList;
import java.util.List;

/**
 * Training on single answers that are desirable or not. The loss of a step is the mean over the answers of the global batch.
 *
 * <p>The reference runs first, then the policy over the prompts with answers to other ones: the mean of its log-ratios over the global batch, not below 0, is what answers
 * are measured from. How the batch is cut does not show.
 */
public final class LabelledLosses extends PreferenceObjective {

    /**
     * What is asked before the training passes.
     *
     * @param policy        its layers on this rank
     * @param reference     likewise
     * @param sums          of documents
     * @param tokenMultiple of which the tokens of every micro-batch are made one
     */
    public record Models(StageRunner policy, StageRunner reference, DocumentSums sums, int tokenMultiple) {
    }

    private final LabelledLoss loss;
    private final boolean measuresDivergence;
    private final Models models;
    private final LabelledFigures figures = new LabelledFigures();
    private final LabelledFigures unheard = new LabelledFigures();

    /**
     * @param measuresDivergence whether answers to other prompts are looked at
     * @param ranks              over which answers are counted
     * @param speaks             whether this rank counts what it works on
     * @param mayLeaveOut        whether ranks may differ in the micro-batches that they leave out
     */
    public LabelledLosses(LabelledLoss loss, boolean measuresDivergence, Models models, Communicator ranks, boolean speaks, boolean mayLeaveOut) {
        super(ranks, speaks, mayLeaveOut);
        this.loss = loss;
        this.measuresDivergence = measuresDivergence;
        this.models = models;
    }

    @Override
    public List<StageRunner.Work> work(List<MicroBatch> batches, Pass.Mode mode) {
        return workOn(worked(batches).stream()
                .map(batch -> LabelledBatch.of(StepObjective.tokens(batch), StepObjective.twos(batch), models.tokenMultiple())).toList());
    }

    /** As {@link #work}. */
    public List<StageRunner.Work> workOn(List<LabelledBatch> batches) {
        List<DocumentScores> answers = asked(models.reference(), batches, batches.stream().map(LabelledBatch::answers).toList());
        double divergence = measuresDivergence ? divergence(batches) : 0;
        List<StageRunner.Work> work = new ArrayList<>();
        for (int i = 0; i < batches.size(); i++) {
            work.add(new StageRunner.Work(batches.get(i).answers(), new LabelledObjective(loss, models.sums(), batches.get(i), answers.get(i), divergence,
                    speaks() ? figures : unheard)));
        }
        return work;
    }

    /** Log-probabilities of documents, as many of each batch as it has samples. */
    private List<DocumentScores> asked(StageRunner model, List<LabelledBatch> batches, List<HostTokens> tokens) {
        List<DocumentScores> scores = new ArrayList<>();
        List<StageRunner.Work> work = new ArrayList<>();
        for (int i = 0; i < batches.size(); i++) {
            scores.add(new DocumentScores(models.sums(), batches.get(i).samples()));
            work.add(new StageRunner.Work(tokens.get(i), scores.get(i)));
        }
        model.evaluate(work, null);
        return scores;
    }

    private double divergence(List<LabelledBatch> batches) {
        List<HostTokens> others = batches.stream().map(LabelledBatch::others).toList();
        List<DocumentScores> reference = asked(models.reference(), batches, others);
        List<DocumentScores> policy = asked(models.policy(), batches, others);
        double sum = 0;
        int samples = 0;
        for (int i = 0; i < batches.size(); i++) {
            double[] from = reference.get(i).scores();
            double[] to = policy.get(i).scores();
            for (int sample = 0; sample < from.length; sample++) {
                sum += to[sample] - from[sample];
            }
            samples += from.length;
        }
        double[] global = overRanks(sum, samples);
        return Math.max(0, global[0] / Math.max(1, global[1]));
    }

    @Override
    double[] takeSums() {
        return figures.take();
    }

    @Override
    Losses losses(double[] sums) {
        return new Losses(LabelledFigures.byName(sums), LabelledFigures.samples(sums));
    }
}
