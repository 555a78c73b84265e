package ai.sparktron.trainer.mesh;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class MeshTest {

    @Test
    void tensorIsInnermostPipelineOutermost() {
        Mesh mesh = Mesh.of(16, 2, 2, 2, 1, 1);
        assertEquals(2, mesh.data());
        assertEquals(List.of(4, 5), mesh.group(5, EnumSet.of(Axis.TENSOR)));
        assertEquals(List.of(5, 7), mesh.group(5, EnumSet.of(Axis.CONTEXT)));
        assertEquals(List.of(1, 5), mesh.group(5, EnumSet.of(Axis.DATA)));
        assertEquals(List.of(5, 13), mesh.group(5, EnumSet.of(Axis.PIPELINE)));
        assertEquals(List.of(1, 3, 5, 7), mesh.group(5, EnumSet.of(Axis.DATA, Axis.CONTEXT)));
    }

    @Test
    void groupsOfEverySetOfAxesShareOutTheRanks() {
        int checked = 0;
        for (int tensor : new int[] {1, 2, 3}) {
            for (int pipeline : new int[] {1, 2}) {
                for (int context : new int[] {1, 2}) {
                    Mesh mesh = Mesh.of(tensor * pipeline * context * 2, tensor, pipeline, context, 1, 1);
                    for (Set<Axis> axes : List.of(EnumSet.noneOf(Axis.class), EnumSet.of(Axis.DATA), EnumSet.of(Axis.DATA, Axis.CONTEXT),
                            EnumSet.of(Axis.PIPELINE, Axis.TENSOR), EnumSet.allOf(Axis.class))) {
                        List<Integer> all = new ArrayList<>();
                        mesh.groups(axes).forEach(all::addAll);
                        assertEquals(mesh.ranks(), all.size());
                        assertEquals(mesh.ranks(), Set.copyOf(all).size());
                        int size = axes.stream().mapToInt(mesh::size).reduce(1, (a, b) -> a * b);
                        mesh.groups(axes).forEach(group -> assertEquals(size, group.size()));
                        checked++;
                    }
                }
            }
        }
        assertEquals(60, checked);
    }

    @Test
    void theExpertViewFoldsAStageAnew() {
        Mesh mesh = Mesh.of(16, 2, 2, 1, 4, 1);
        assertEquals(List.of(8, 9, 10, 11), mesh.expertGroup(10));
        assertEquals(2, mesh.expertCoordinate(10));
        assertEquals(List.of(10, 14), mesh.expertDataGroup(10));
    }

    /** Two stages of eight ranks; four parts of the experts, each cut in two: expert tensor is innermost, then expert, then expert data. */
    @Test
    void expertsAreDealtAndCutWithinAStage() {
        Mesh mesh = new Mesh(2, 8, 1, 1, 2, 2);
        assertEquals(List.of(4, 5, 6, 7), mesh.expertBlock(6));
        assertEquals(List.of(4, 6), mesh.expertGroup(6));
        assertEquals(1, mesh.expertCoordinate(6));
        assertEquals(List.of(2, 6), mesh.expertDataGroup(6));
        assertEquals(List.of(4, 5, 6, 7, 12, 13, 14, 15), mesh.expertReplica(6));
        assertEquals(List.of(4, 5, 6, 7, 12, 13, 14, 15), mesh.expertReplica(13));
    }

    @Test
    void sizesThatDoNotFitAreNamed() {
        IllegalArgumentException ranks = assertThrows(IllegalArgumentException.class, () -> Mesh.of(6, 4, 1, 1, 1, 1));
        assertTrue(ranks.getMessage().contains("6 ranks") && ranks.getMessage().contains("tensor_model_parallel_size 4"), ranks.getMessage());
        IllegalArgumentException experts = assertThrows(IllegalArgumentException.class, () -> Mesh.of(4, 2, 1, 1, 3, 1));
        assertTrue(experts.getMessage().contains("expert_model_parallel_size 3"), experts.getMessage());
    }
}
