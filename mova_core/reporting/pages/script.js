// A reason in the funnel leads to its clips: show only those, and show all again on the second click.
document.querySelectorAll("[data-reason]").forEach((link) =>
  link.addEventListener("click", () => {
    const chosen = document.body.dataset.chosen === link.dataset.reason ? "" : link.dataset.reason;
    document.body.dataset.chosen = chosen;
    document.querySelectorAll("figure.lost").forEach((figure) => {
      figure.hidden = chosen !== "" && figure.dataset.of !== chosen;
    });
  }),
);
// One clip plays at a time.
document.addEventListener("play", (event) => {
  document.querySelectorAll("video").forEach((video) => video !== event.target && video.pause());
}, true);
// A line walks along the event track while its clip plays.
document.querySelectorAll("figure.generated").forEach((figure) => {
  const video = figure.querySelector("video"), track = figure.querySelector(".track");
  if (!track) return;
  const now = track.querySelector(".now");
  const walk = () => {
    now.setAttribute("transform", `translate(${(track.dataset.reach * video.currentTime) / video.duration || 0})`);
    if (!video.paused) requestAnimationFrame(walk);
  };
  video.addEventListener("play", () => (track.classList.add("walks"), walk()));
  video.addEventListener("seeked", walk);
});
