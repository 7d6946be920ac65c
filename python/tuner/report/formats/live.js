// Copyright 2026 The iree-tuner Authors
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Asks for the page every few seconds and shows what is new, until the run has ended. Open details stay open.
"use strict";

const EVERY_MS = 4000;

async function renew() {
  const shown = document.getElementById("live");
  try {
    const answer = await fetch("/", { cache: "no-store" });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const open = [...shown.querySelectorAll("details")].map((details) => details.open);
      const fresh = document.adoptNode(page.getElementById("live"));
      fresh.querySelectorAll("details").forEach((details, index) => { details.open = open[index] ?? false; });
      shown.replaceWith(fresh);
      if ("ended" in fresh.dataset) return;
    }
  } catch {
    // The server has stopped, or will answer the next time.
  }
  setTimeout(renew, EVERY_MS);
}

setTimeout(renew, EVERY_MS);
