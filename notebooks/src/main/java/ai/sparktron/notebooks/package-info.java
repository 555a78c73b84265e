/**
 * What notes show: start with {@link ai.sparktron.notebooks.PreparedRows} for prepared data and with {@link ai.sparktron.notebooks.TrainingLog} for a
 * run. Each gives {@link ai.sparktron.notebooks.Figure}s, which Zeppelin displays when their text is printed and any other notebook when it is handed
 * their HTML.
 *
 * <p>Everything is made on the driver out of files; nothing here starts a Spark job or keeps state. Text that comes from data goes through
 * {@link ai.sparktron.notebooks.Html}, so that a sample full of markup is shown and not obeyed.
 */
package ai.sparktron.notebooks;
