package ai.sparktron.trainer.layer;

import java.util.ArrayList;
import java.util.List;

/**
 * Names of the tokens of a micro-batch for what is drawn at random: which sample of the training each belongs to, and where it stands in it. The same use of the
 * same token has the same name on every grid.
 *
 * @param runs neighbours of one sample, in the order of the tokens
 */
public record TokenNames(List<Run> runs) {

    /**
     * Tokens that are neighbours here and in their sample.
     *
     * @param from   first token in the micro-batch, or in the part of it that is here
     * @param tokens number of tokens
     * @param sample number of the sample among all uses of samples in the training
     * @param place  of the first token in its sample
     */
    public record Run(int from, int tokens, long sample, int place) {
    }

    public TokenNames {
        runs = List.copyOf(runs);
    }

    /** Names of some of the tokens. @param indices ascending */
    TokenNames pick(int[] indices) {
        List<Run> picked = new ArrayList<>();
        int next = 0;
        for (Run run : runs) {
            while (next < indices.length && indices[next] < run.from() + run.tokens()) {
                int begin = next;
                do {
                    next++;
                } while (next < indices.length && indices[next] == indices[next - 1] + 1 && indices[next] < run.from() + run.tokens());
                picked.add(new Run(begin, next - begin, run.sample(), run.place() + indices[begin] - run.from()));
            }
        }
        return new TokenNames(picked);
    }
}
