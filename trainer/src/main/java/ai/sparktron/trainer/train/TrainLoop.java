package ai.sparktron.trainer.train;

import ai.sparktron.trainer.data.DataCursor;
import ai.sparktron.trainer.data.StepData;
import ai.sparktron.trainer.data.StepSource;
import ai.sparktron.trainer.kernels.Readback;
import ai.sparktron.trainer.optimizer.LearningRateSchedule;
import ai.sparktron.trainer.train.metrics.EvaluationMetrics;
import ai.sparktron.trainer.train.metrics.StepMetrics;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/** The loop: data, step, report, evaluate, save; the same calls on every rank. */
final class TrainLoop {

    /**
     * When things happen, in steps.
     *
     * @param total        {@code train_iters}
     * @param logInterval  {@code log_interval}; the first and the last step are always reported
     * @param evalInterval {@code eval_interval}; the end is always evaluated
     * @param saveInterval {@code save_interval}; the end is always saved
     */
    record Intervals(long total, long logInterval, long evalInterval, long saveInterval) {
    }

    /** Saves all ranks' state. */
    interface Saver {
        /** @param evaluationLoss of the newest evaluation, NaN when there was none */
        void save(long iteration, DataCursor cursor, double evaluationLoss, double elapsedSeconds);
    }

    private final Intervals intervals;
    private final LearningRateSchedule schedule;
    private final StepSource source;
    private final StepRunner steps;
    private final Evaluator evaluator;
    private final Saver saver;
    private final Reporter reporter;
    private final RankContext context;
    private final LongSupplier memoryBytes;
    private Unread unread;
    private double loss = Double.NaN;
    private double evaluationLoss = Double.NaN;

    /** @param evaluator null = no evaluation */
    TrainLoop(Intervals intervals, LearningRateSchedule schedule, StepSource source, StepRunner steps, Evaluator evaluator, Saver saver,
              Reporter reporter, RankContext context, LongSupplier memoryBytes) {
        this.intervals = intervals;
        this.schedule = schedule;
        this.source = source;
        this.steps = steps;
        this.evaluator = evaluator;
        this.saver = saver;
        this.reporter = reporter;
        this.context = context;
        this.memoryBytes = memoryBytes;
    }

    /** Trains from step {@code first} on, from 0, to the end. @return where the data stands */
    DataCursor run(long first, DataCursor start) {
        DataCursor cursor = start;
        for (long iteration = first; iteration < intervals.total(); iteration++) {
            context.listener().phase(iteration + 1, "training");
            long began = System.nanoTime();
            StepData step = source.next();
            double dataSeconds = (System.nanoTime() - began) * 1e-9;
            double learningRate = schedule.at(iteration);
            StepRunner.Outcome outcome = steps.train(step, learningRate);
            read(unread);
            reporter.add(outcome, dataSeconds);
            unread = new Unread(iteration + 1, learningRate, cursor, outcome.gradientNorm(), outcome.skipped(), figures(iteration + 1, step.cursor()));
            cursor = step.cursor();
            if (outcome.gradientNorm().isImmediate() || isPause(iteration + 1)) {
                read(unread);
            }
            pause(iteration + 1, cursor);
        }
        return cursor;
    }

    /**
     * A step whose figures a device may still work on: they are read when the next step is enqueued, so that the device never waits for the host.
     *
     * @param before  the data before it
     * @param skipped whether it updated nothing and training goes on
     * @param figures to report with it, or null
     */
    private record Unread(long step, double learningRate, DataCursor before, Readback norm, boolean skipped, Figures figures) {
    }

    /**
     * @param losses  of this rank over the window
     * @param routers of all ranks; null in models without experts
     */
    private record Figures(Reporter.Window window, long consumedSamples, StepObjective.Taken losses, RouterWatch.Report routers, Readback parameterNorm, long memoryBytes) {
        /** Means over tokens, and what else is reported by name. */
        Map<String, Double> byName() {
            Map<String, Double> named = new LinkedHashMap<>(losses.overRanks().byName());
            if (parameterNorm != null) {
                named.put(ParameterNorm.NAME, Math.sqrt(parameterNorm.number()));
            }
            return named;
        }
    }

    private Figures figures(long done, DataCursor cursor) {
        boolean reports = done == intervals.total() || done == 1 || evaluates(done) || done % intervals.logInterval() == 0;
        return reports ? new Figures(reporter.takeWindow(), cursor.consumedSamples(), steps.takeFigures(), steps.takeRouters(), steps.takeParameterNorm(),
                memoryBytes.getAsLong()) : null;
    }

    private boolean evaluates(long done) {
        return evaluator != null && (done == intervals.total() || done % intervals.evalInterval() == 0);
    }

    private boolean saves(long done) {
        return done == intervals.total() || done % intervals.saveInterval() == 0;
    }

    private boolean isPause(long done) {
        return evaluates(done) || saves(done);
    }

    /** Takes in a step's figures, if they were not yet. */
    private void read(Unread step) {
        if (step == null) {
            return;
        }
        unread = null;
        double norm = step.norm().number();
        if (!step.skipped()) {
            requireFinite(norm, step);
        }
        if (step.figures() != null) {
            Figures figures = step.figures();
            StepMetrics metrics = reporter.report(figures.window(), step.step(), figures.consumedSamples(), figures.byName(), figures.routers(),
                    step.learningRate(), norm, figures.memoryBytes(), steps.skippedSteps());
            loss = metrics.losses().get("loss");
            if (context.isFirst()) {
                context.listener().step(metrics);
            }
        }
    }

    private void pause(long done, DataCursor cursor) {
        long began = System.nanoTime();
        if (evaluates(done)) {
            evaluate(done);
        }
        if (saves(done)) {
            context.listener().phase(done, "saving");
            saver.save(done, cursor, evaluationLoss, reporter.elapsedSeconds());
        }
        reporter.exclude(System.nanoTime() - began);
    }

    private void evaluate(long done) {
        context.listener().phase(done, "evaluating");
        EvaluationMetrics metrics = evaluator.evaluate(steps, done, intervals.total());
        evaluationLoss = metrics.losses().get("loss");
        reporter.evaluation(metrics);
        if (context.isFirst()) {
            context.listener().evaluation(metrics);
        }
    }

    /** The norm is over all ranks, so every rank stops at the same step. */
    private static void requireFinite(double norm, Unread step) {
        if (!Double.isFinite(norm)) {
            throw new TrainingException("gradient norm " + norm + " at step " + step.step() + " (learning rate " + step.learningRate() + ", samples "
                    + step.before().consumedSamples() + " on): the loss or a gradient is NaN or infinite. Nothing of this step was applied, and the"
                    + " newest checkpoint is from before it. Lower --lr, lengthen the warm-up, or look at these samples");
        }
    }

    /** Loss of the last report. */
    double loss() {
        return loss;
    }

    /** Loss of the last evaluation, NaN when there was none. */
    double evaluationLoss() {
        return evaluationLoss;
    }
}
