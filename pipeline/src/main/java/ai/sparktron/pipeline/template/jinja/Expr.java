package ai.sparktron.pipeline.template.jinja;

/** A compiled expression. Stateless: all state is in the scope. */
@FunctionalInterface
interface Expr {
    Object eval(Scope scope);
}
