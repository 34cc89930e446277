// The onboarding site's check, copy buttons, and the one thing that only a script can tell: an iPad.
// Written for browsers of 2015 on.
(function () {
  'use strict';

  var self = document.currentScript;
  if (self && self.hasAttribute('data-maybe-ipad') && navigator.maxTouchPoints > 1) {
    location.replace('/?device=ios');
    return;
  }

  var PAUSE = 2000;
  var PATIENCE = 5000;
  var card = document.getElementById('check');
  var said = document.getElementById('said');
  var hint = document.getElementById('hint');
  var timer = 0;

  function show(trusted) {
    var state = trusted ? 'yes' : 'no';
    if (card.getAttribute('data-state') === state) return;
    card.setAttribute('data-state', state);
    said.textContent = trusted ? 'Trusted \u2713' : 'Not trusted yet';
    hint.textContent = trusted
      ? 'This device trusts the certificate: everything is set up.'
      : 'Follow the steps below. This changes by itself as soon as the certificate is trusted.';
  }

  function again() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, PAUSE);
  }

  // over TLS this answers only when the certificate is trusted
  function look() {
    var request = new XMLHttpRequest();
    request.open('GET', card.getAttribute('data-url'));
    request.timeout = PATIENCE;
    request.onload = function () {
      show(request.status === 200 && request.responseText.trim() === 'trusted');
      again();
    };
    request.onerror = request.ontimeout = function () {
      show(false);
      again();
    };
    request.send();
  }

  document.addEventListener('visibilitychange', function () {
    clearTimeout(timer);
    if (!document.hidden) look();
  });
  look();

  function copy(text, done) {
    if (navigator.clipboard && window.isSecureContext) {
      navigator.clipboard.writeText(text).then(done);
      return;
    }
    var area = document.createElement('textarea');
    area.value = text;
    area.setAttribute('readonly', '');
    area.setAttribute('aria-hidden', 'true');
    area.className = 'off';
    document.body.appendChild(area);
    area.select();
    if (document.execCommand('copy')) done();
    document.body.removeChild(area);
  }

  [].forEach.call(document.querySelectorAll('.command'), function (command) {
    var button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = 'Copy';
    button.addEventListener('click', function () {
      copy(command.textContent, function () {
        button.textContent = 'Copied';
        setTimeout(function () { button.textContent = 'Copy'; }, 2000);
      });
    });
    command.parentNode.insertBefore(button, command.nextSibling);
  });
})();
