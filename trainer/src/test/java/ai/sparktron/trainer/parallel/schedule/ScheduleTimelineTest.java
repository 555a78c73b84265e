package ai.sparktron.trainer.parallel.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.sparktron.trainer.parallel.schedule.Timeline.Sends;
import ai.sparktron.trainer.parallel.schedule.Timeline.Work;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Schedules fit each other on all sizes, and are the ones of the papers. */
class ScheduleTimelineTest {

    private static Timeline timeline(Pipeline pipeline, int microBatches) {
        return Timeline.of(Schedule.trainingOfAll(pipeline, microBatches), Work.even(), Sends.ASYNCHRONOUS);
    }

    private static List<Schedule> evaluation(Pipeline pipeline, int microBatches) {
        List<Schedule> all = new ArrayList<>();
        for (int stage = 0; stage < pipeline.stages(); stage++) {
            all.add(Schedule.evaluation(pipeline, stage, microBatches));
        }
        return all;
    }

    /** Drawn by hand after figure 3 of arXiv 2104.04473: three stages, four micro-batches, backward twice as long. */
    @Test
    void oneForwardOneBackward() {
        assertEquals("""
                stage 0 | F0 F1 F2 .  .  .  .  B0 B0 F3 B1 B1 .  B2 B2 .  B3 B3
                stage 1 | .  F0 F1 .  .  B0 B0 F2 B1 B1 F3 B2 B2 .  B3 B3 .  .
                stage 2 | .  .  F0 B0 B0 F1 B1 B1 F2 B2 B2 F3 B3 B3 .  .  .  .
                """, timeline(Pipeline.plain(3), 4).text());
    }

    /** Drawn by hand after figure 4: two stages of two chunks, four micro-batches; every computation half as long as without chunks. */
    @Test
    void interleaved() {
        assertEquals("""
                stage 0 | F0.0 F1.0 F0.1 F1.1 F2.0 .    B0.1 B0.1 F3.0 B1.1 B1.1 F2.1 B0.0 B0.0 F3.1 B1.0 B1.0 .    B2.1 B2.1 .    B3.1 B3.1 B2.0 B2.0 B3.0 B3.0
                stage 1 | .    F0.0 F1.0 F0.1 B0.1 B0.1 F1.1 B1.1 B1.1 F2.0 B0.0 B0.0 F3.0 B1.0 B1.0 F2.1 B2.1 B2.1 F3.1 B3.1 B3.1 B2.0 B2.0 B3.0 B3.0 .    .
                """, timeline(new Pipeline(2, 2, 2), 4).text());
    }

    @Test
    void oneRankTakesForwardAndBackwardInTurn() {
        assertEquals("stage 0 | F0 B0 B0 F1 B1 B1\n", timeline(Pipeline.none(), 2).text());
        assertEquals(0, timeline(Pipeline.none(), 2).bubble());
    }

    /** Every size up to 5 stages, 3 chunks and 13 micro-batches: no deadlock, whether senders wait or not, nothing twice, nothing left out. */
    @Test
    void schedulesOfAllSizesFit() {
        int played = 0;
        for (int stages = 1; stages <= 5; stages++) {
            for (int chunks = 1; chunks <= (stages == 1 ? 1 : 3); chunks++) {
                for (int group = stages; group <= (chunks == 1 ? stages : stages + 2); group++) {
                    Pipeline pipeline = new Pipeline(stages, chunks, group);
                    for (int microBatches = 1; microBatches <= 13; microBatches++) {
                        played += fits(pipeline, microBatches) ? 1 : 0;
                    }
                }
            }
        }
        assertTrue(played > 250, "played: " + played);
    }

    private static boolean fits(Pipeline pipeline, int microBatches) {
        for (Sends sends : Sends.values()) {
            Timeline forwards = Timeline.of(evaluation(pipeline, microBatches), Work.even(), sends);
            forwards.stages().forEach(spans -> assertEquals(pipeline.chunks() * microBatches, spans.size()));
        }
        int rest = microBatches % pipeline.group();
        if (pipeline.chunks() > 1 && microBatches > pipeline.group() && rest > 0 && rest < pipeline.stages()) {
            String refused = assertThrows(IllegalArgumentException.class, () -> Schedule.training(pipeline, 0, microBatches)).getMessage();
            assertTrue(refused.contains("--virtual_pipeline_model_parallel_size " + pipeline.chunks()) && refused.contains("--pipeline_model_parallel_size "
                    + pipeline.stages()) && refused.contains("--microbatch_group_size_per_vp_stage " + pipeline.group()), refused);
            return false;
        }
        for (Sends sends : Sends.values()) {
            Timeline timeline = Timeline.of(Schedule.trainingOfAll(pipeline, microBatches), Work.even(), sends);
            timeline.stages().forEach(spans -> assertEquals(2L * pipeline.chunks() * microBatches, spans.stream().map(Timeline.Span::computation).distinct().count()));
        }
        return true;
    }

    /** (p - 1) / (v m + p - 1), where chunks get their groups in full. */
    @Test
    void theBubbleIsThatOfThePaper() {
        for (int stages = 1; stages <= 6; stages++) {
            for (int chunks = 1; chunks <= (stages == 1 ? 1 : 4); chunks++) {
                for (int rounds = 1; rounds <= 4; rounds++) {
                    int microBatches = stages * rounds;
                    double expected = (stages - 1.0) / (chunks * microBatches + stages - 1);
                    assertEquals(expected, timeline(new Pipeline(stages, chunks, stages), microBatches).bubble(), 1e-9, stages + " x " + chunks + ", " + microBatches);
                }
            }
        }
    }

    /** As many as there are stages from this one on, and one that is being received; more where chunks go ahead. */
    @Test
    void passesInFlightAreBounded() {
        for (int stage = 0; stage < 4; stage++) {
            assertEquals(4 - stage + (stage == 0 ? 0 : 1), Schedule.training(Pipeline.plain(4), stage, 20).passesInFlight());
            assertEquals(2 * (3 - stage) + 4 + 2, Schedule.training(new Pipeline(4, 2, 4), stage, 20).passesInFlight());
        }
        assertEquals(1, Schedule.training(Pipeline.none(), 0, 20).passesInFlight());
        assertEquals(3, Schedule.training(Pipeline.plain(4), 0, 3).passesInFlight());
    }

    @Test
    void unevenStagesWaitForTheSlowest() {
        int[][] layers = {{1}, {3}};
        Timeline timeline = Timeline.of(Schedule.trainingOfAll(Pipeline.plain(2), 8), Work.ofLayers(layers), Sends.ASYNCHRONOUS);
        assertEquals(8 * 9 + 3, timeline.length());
        assertEquals(1 - 8 * 12.0 / (2 * 75), timeline.bubble(), 1e-9);
    }

    /** What a wrong list looks like: the playback is not blind. */
    @Test
    void wrongSchedulesAreCaught() {
        Pipeline two = Pipeline.plain(2);
        List<Action> first = Schedule.training(two, 0, 2).actions();
        List<Action> second = Schedule.training(two, 1, 2).actions();
        assertProblem("wait for each other for ever: stage 0 waits at: backward of micro-batch 0, chunk 0; stage 1 waits at: forward of micro-batch 0", silent(first), second);
        assertProblem("before it has computed it", swapped(first, 0, 1), second);
        assertProblem("receive the gradient of micro-batch 0, chunk 0 from stage 1 before forward", swapped(first, 0, 2), second);
        assertProblem("without having begun to receive", first, without(second, 0));
        assertProblem("what stage 0 sent of micro-batch 1", late(first, new Action.SendForward(0, 0, 1), new Action.SendForward(1, 0, 1)), second);
        assertProblem("twice", with(first, new Action.Forward(0, 0)), second);
        assertProblem("before its forward", with(List.of(), new Action.Backward(0, 0)), second);
        assertProblem("messages are sent and", with(first, new Action.ReceiveBackward(1, 0, 1)), second);
    }

    private static List<Action> silent(List<Action> actions) {
        return actions.stream().filter(action -> !(action instanceof Action.SendForward)).toList();
    }

    /** One action behind another. */
    private static List<Action> late(List<Action> actions, Action one, Action other) {
        List<Action> changed = new ArrayList<>(actions);
        changed.remove(one);
        changed.add(changed.indexOf(other) + 1, one);
        return changed;
    }

    private static List<Action> swapped(List<Action> actions, int one, int other) {
        List<Action> changed = new ArrayList<>(actions);
        changed.set(one, actions.get(other));
        changed.set(other, actions.get(one));
        return changed;
    }

    private static List<Action> without(List<Action> actions, int place) {
        List<Action> changed = new ArrayList<>(actions);
        changed.remove(place);
        return changed;
    }

    private static List<Action> with(List<Action> actions, Action more) {
        List<Action> changed = new ArrayList<>(actions);
        changed.add(more);
        return changed;
    }

    private static void assertProblem(String part, List<Action> first, List<Action> second) {
        List<Schedule> schedules = List.of(new Schedule(Pipeline.plain(2), 0, 2, first), new Schedule(Pipeline.plain(2), 1, 2, second));
        String problem = assertThrows(IllegalStateException.class, () -> Timeline.of(schedules, Work.even(), Sends.ASYNCHRONOUS)).getMessage();
        assertTrue(problem.contains(part), problem);
    }
}
