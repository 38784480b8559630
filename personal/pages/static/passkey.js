// Makes or uses a passkey and sends what it answers as a form does; without this script codes do the same.
(() => {
  const form = document.querySelector("form[data-passkey]");
  if (!form || !window.PublicKeyCredential) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const options = JSON.parse(form.dataset.options);
  options.challenge = bytes(options.challenge);
  const making = form.dataset.passkey === "make";
  if (making) {
    options.user.id = bytes(options.user.id);
    options.excludeCredentials = known(options.excludeCredentials);
  } else {
    options.allowCredentials = known(options.allowCredentials);
  }

  const answered = (found) => {
    const response = { clientDataJSON: text(found.response.clientDataJSON) };
    if (making) {
      response.attestationObject = text(found.response.attestationObject);
    } else {
      response.authenticatorData = text(found.response.authenticatorData);
      response.signature = text(found.response.signature);
    }
    return { id: found.id, rawId: text(found.rawId), type: found.type, response, clientExtensionResults: {} };
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const failed = form.querySelector("[data-failed]");
    failed.hidden = true;
    try {
      const asked = { publicKey: options };
      const found = await (making ? navigator.credentials.create(asked) : navigator.credentials.get(asked));
      form.elements.credential.value = JSON.stringify(answered(found));
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
  form.hidden = false;
})();
