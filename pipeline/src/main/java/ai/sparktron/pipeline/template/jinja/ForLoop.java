package ai.sparktron.pipeline.template.jinja;

import java.util.ArrayList;
import java.util.List;

/**
 * A {@code for} loop.
 *
 * @param test      the {@code if} that chooses items before they are counted, or null
 * @param otherwise the {@code else} body for a loop without turns, or null
 */
record ForLoop(Target target, Expr items, Expr test, boolean recursive, Stmt body, Stmt otherwise) implements Stmt {

    @Override
    public Flow run(Scope scope, Sink sink) {
        loop(items.eval(scope), scope, sink, 0);
        return Flow.NEXT;
    }

    private void loop(Object values, Scope scope, Sink sink, int depth) {
        List<Object> chosen = chosen(values, scope);
        LoopState.Recursion recursion = recursive ? (inner, level) -> recurse(inner, scope, level) : null;
        LoopState state = new LoopState(chosen, depth, recursion);
        for (Object item : chosen) {
            scope.rendering().step();
            state.advance();
            Scope turn = scope.inner();
            turn.set("loop", state);
            target.assign(turn, item);
            if (body.run(turn, sink) == Flow.BREAK) {
                break;
            }
        }
        if (chosen.isEmpty() && otherwise != null) {
            otherwise.run(scope.inner(), sink);
        }
    }

    private List<Object> chosen(Object values, Scope scope) {
        List<Object> all = PythonValues.list(values);
        if (test == null) {
            return all;
        }
        List<Object> chosen = new ArrayList<>();
        for (Object item : all) {
            Scope inner = scope.inner();
            target.assign(inner, item);
            if (PythonValues.truth(test.eval(inner))) {
                chosen.add(item);
            }
        }
        return chosen;
    }

    private String recurse(Object values, Scope scope, int depth) {
        Sink sink = new Sink(scope.rendering(), false);
        scope.rendering().enter();
        try {
            loop(values, scope, sink, depth);
        } finally {
            scope.rendering().leave();
        }
        return sink.text();
    }
}
