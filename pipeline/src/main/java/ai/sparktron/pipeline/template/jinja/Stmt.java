package ai.sparktron.pipeline.template.jinja;

import java.util.List;

/** A compiled statement. Stateless: all state is in the scope and the sink. */
@FunctionalInterface
interface Stmt {

    /** How a statement ended. */
    enum Flow { NEXT, BREAK, CONTINUE }

    Flow run(Scope scope, Sink sink);

    /** The statements in order, until one ends a loop's turn. */
    static Stmt sequence(List<Stmt> statements) {
        Stmt[] all = statements.toArray(Stmt[]::new);
        return (scope, sink) -> {
            for (Stmt statement : all) {
                Flow flow = statement.run(scope, sink);
                if (flow != Flow.NEXT) {
                    return flow;
                }
            }
            return Flow.NEXT;
        };
    }

    /** The statement with its line put on errors that have none. */
    static Stmt located(int line, Stmt statement) {
        return (scope, sink) -> {
            try {
                return statement.run(scope, sink);
            } catch (JinjaException e) {
                throw e.at(line);
            }
        };
    }
}
