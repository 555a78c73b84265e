package ai.sparktron.trainer.plan;

import ai.sparktron.trainer.model.ModelPart;
import ai.sparktron.trainer.parallel.StageLayout;
import ai.sparktron.trainer.parallel.schedule.Action;
import ai.sparktron.trainer.parallel.schedule.Pipeline;
import ai.sparktron.trainer.parallel.schedule.Schedule;
import ai.sparktron.trainer.parallel.schedule.Timeline;
import java.util.Arrays;
import java.util.List;

/** The schedule of a pipeline: how much of the time stages are idle, and a picture of it, a character a unit of time. */
final class StepPicture {

    private static final String FORWARD = "0123456789";
    private static final String BACKWARD = "abcdefghij";

    private final StageLayout layout;
    private final int microBatches;

    StepPicture(StageLayout layout, int microBatches) {
        this.layout = layout;
        this.microBatches = microBatches;
    }

    /** Part of all stages' time, from 0 to 1, without work, where computations take as long as their chunks have layers. */
    double bubble() {
        int[][] layers = layout.parts().stream().map(chunks -> chunks.stream().mapToInt(ModelPart::layers).toArray()).toArray(int[][]::new);
        int unit = Arrays.stream(layers).flatMapToInt(Arrays::stream).reduce(0, StepPicture::commonDivisor);
        int[][] units = Arrays.stream(layers).map(chunks -> Arrays.stream(chunks).map(count -> count / Math.max(1, unit)).toArray()).toArray(int[][]::new);
        return timeline(microBatches, Timeline.Work.ofLayers(units)).bubble();
    }

    private static int commonDivisor(int one, int other) {
        return other == 0 ? one : commonDivisor(other, one % other);
    }

    private Timeline timeline(int batches, Timeline.Work work) {
        return Timeline.of(Schedule.trainingOfAll(layout.pipeline(), batches), work, Timeline.Sends.ASYNCHRONOUS);
    }

    /** What is drawn: as many micro-batches as fit into some columns, all stages taken to have as many layers. 0 when not even one fits. */
    int drawnMicroBatches(int columns) {
        int drawn = 0;
        Pipeline pipeline = layout.pipeline();
        int step = pipeline.chunks() > 1 ? pipeline.group() : 1;
        for (int batches = Math.min(step, microBatches); batches <= microBatches && fits(batches, columns); batches += step) {
            drawn = batches;
        }
        return drawn;
    }

    private boolean fits(int batches, int columns) {
        return 3 * layout.pipeline().chunks() * batches <= columns && timeline(batches, Timeline.Work.even()).length() <= columns;
    }

    /** A line a stage: the last digit of the micro-batch whose forward is computed, its letter where it is backward, a point where the stage is idle. */
    List<String> lines(int drawn) {
        Timeline timeline = timeline(drawn, Timeline.Work.even());
        return timeline.stages().stream().map(spans -> {
            char[] line = new char[timeline.length()];
            Arrays.fill(line, '.');
            for (Timeline.Span span : spans) {
                String letters = span.computation() instanceof Action.Forward ? FORWARD : BACKWARD;
                Arrays.fill(line, span.start(), span.end(), letters.charAt(span.computation().microBatch() % letters.length()));
            }
            return new String(line);
        }).toList();
    }
}
