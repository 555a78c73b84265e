package ai.sparktron.pipeline.template.jinja;

/** Something a template can call: a global, a macro, a bound method. */
@FunctionalInterface
interface Callable {
    Object call(Arguments arguments);
}
